"""What runs in the pod of an exported step: the step's notebook through papermill, in the pipeline's run.

`python -m goldenpath.cluster.kubeflow.pod 05_train --run ID --run-to FILE -p seed 7`; `--refused ID` in place
of a step says why the gate refused the candidate of a run. Without Elyra and KFP, which pods have not.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from goldenpath.cluster.kubeflow.plan import DUE, NOT_DUE, PASSED, REFUSED
from goldenpath.cluster.step import parameters_of, typed_parameters
from goldenpath.errors import BadInput, GateRefused, GoldenpathError
from goldenpath.evaluation.gate import Verdict, four_digits
from goldenpath.runs.executed import Failure, read_failure, save_html
from goldenpath.runs.run import (
    HANDED_ON,
    Run,
    find_record,
    find_run,
    make_run,
    new_id,
    record_in,
    write_json,
)
from goldenpath.runs.spec import begins, maker_of
from goldenpath.settings import load_settings
from goldenpath.text.plain import put, say
from goldenpath.tracking.within import mirror_within
from goldenpath.volume import patiently


def run_pod(words: Sequence[str] | None = None) -> int:  # exit code
    "Run one step, or say why a candidate is refused."
    given = _options().parse_args(words)
    try:
        if given.refused:
            raise GateRefused(_note_refusal(_run_folder(given.refused)))
        return _run_step(given)
    except GoldenpathError as fault:
        say(fault)
        return fault.exit_code


def _note_refusal(folder: Path) -> str:  # why
    "Note in a run that its candidate is refused, as the step that publishes would: that ends the run."
    reason = why_refused(folder)
    Run(folder.name, folder, maker_of("published.json")).note("failed", reason=f"GateRefused: {reason}")
    mirror_within(load_settings(), folder.name)
    return reason


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="pod")
    options.add_argument("step", nargs="?", default="")
    options.add_argument("--run", default="")  # that an earlier step made
    options.add_argument("--run-to", type=Path)  # file for the id of the run
    options.add_argument("--outcome-to", type=Path)  # file for how it came out
    options.add_argument("--refused", default="")
    options.add_argument("-p", nargs=2, action="append", default=[], dest="parameters")
    return options


def _run_step(given: argparse.Namespace) -> int:
    notebook = Path(f"{given.step}.ipynb")
    parameters = typed_parameters(parameters_of(notebook), dict(given.parameters))
    folder = _open_run("" if begins(given.step) else given.run)
    failure = execute(notebook, folder / "notebooks" / notebook.name, parameters)
    not_due = bool(failure and failure.kind == "NotDue" and given.outcome_to)
    if failure:
        say(f"{failure.step} stopped in cell [{failure.cell}]: {failure.kind}: {failure.message}")
        if not not_due:
            return failure.exit_code
    _hand_on(given.run_to, folder.name)
    if given.outcome_to:
        _hand_on(given.outcome_to, NOT_DUE if not_due else outcome_after(given.step, folder))
    put(f"run {folder.name}, in {folder}")
    return 0


def _hand_on(file: Path | None, text: str) -> None:
    "Write an output of this pod, which Kubeflow Pipelines gives to others and shows in the dashboard."
    if file:
        put(f"{file.name}: {text}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def _run_folder(run_id: str) -> Path:
    "Return the folder of a run, which another node's cache may show a moment later."
    runs = load_settings().writable_home() / "runs"
    return patiently(lambda: find_run(runs, run_id), (BadInput,))


def _open_run(run_id: str) -> Path:
    "Hand the step the run of the step before it, as Elyra does with run.json; or name a new run."
    if run_id:
        folder = _run_folder(run_id)
        write_json(Path(HANDED_ON), {"run_id": folder.name, "run_folder": str(folder)})
        return folder
    folder = make_run(load_settings().writable_home() / "runs", new_id())
    os.environ["RUN_ID"] = folder.name
    return folder


def execute(notebook: Path, executed: Path, parameters: Mapping[str, object]) -> Failure | None:
    "Execute a notebook, its output in this pod's log, and keep it with its page. Raises GoldenpathError."
    import papermill
    from papermill.exceptions import PapermillExecutionError

    executed.parent.mkdir(parents=True, exist_ok=True)
    try:
        papermill.execute_notebook(
            str(notebook),
            str(executed),
            dict(parameters),
            log_output=True,
            progress_bar=False,
            cwd=str(Path.cwd()),
        )
    except PapermillExecutionError:
        return read_failure(executed)
    finally:
        if executed.is_file():
            save_html(executed)
    return None


def outcome_after(step: str, run: Path) -> str:
    "Say how a step that did not fail came out; a branch depends on it."
    if step == maker_of("verdict.json"):
        return REFUSED if why_refused(run) else PASSED
    return DUE


def why_refused(run: Path) -> str:  # "" if the candidate may be published
    "Name the rules of the gate that the run's candidate failed, or the version that it clashes with."
    verdict = record_in(run, "verdict.json", Verdict)
    if verdict.passed:
        return str(find_record(run, "training.json").get("clash", ""))
    failed = [
        f"{rule.name}: {four_digits(rule.value)} (asked for {rule.threshold})"
        for rule in verdict.broken()
        if rule.result == "fail"
    ]
    reasons = "; ".join(failed) or "no rule of the gate was judged"
    return f"candidate {verdict.version} is refused: {reasons}; see verdict.json of run {run.name}"


if __name__ == "__main__":
    sys.exit(run_pod())
