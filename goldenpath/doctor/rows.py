"""The doctor's look at the contract, the rows and the champion: do they hold, and do they fit?"""

from collections.abc import Iterator
from importlib.util import find_spec

from goldenpath.doctor.checks import Check, Finding, bad, good, note
from goldenpath.errors import BadInput, GoldenpathError, NoModel
from goldenpath.project import Project
from goldenpath.runs.executed import in_one_line
from goldenpath.schema.contract import Contract
from goldenpath.settings import Settings
from goldenpath.tables.feedback_source import FEEDBACK
from goldenpath.text.spelling import nearest

_NOTEBOOK = "notebooks/01_contract.ipynb"
REMEDY = f"correct {_NOTEBOOK}, then `make export`"


def load_contract() -> Contract | None:
    "Import the project's contract; None if it has none. Raises BadInput if the import fails."
    try:
        from goldenpath.contract import CONTRACT
    except ModuleNotFoundError as fault:
        if fault.name == "goldenpath.contract":
            return None
        raise BadInput(f"{_NOTEBOOK}: {fault}") from None
    except GoldenpathError:
        raise
    except Exception as fault:  # the author's code: anything may be wrong with it
        message = in_one_line(str(fault))
        raise BadInput(f"{_NOTEBOOK}: {type(fault).__name__}: {message}") from None
    return CONTRACT


def check_contract(settings: Settings) -> Iterator[Finding]:
    "Can the contract be imported?"
    try:
        contract = load_contract()
    except BadInput as fault:
        yield bad("contract", str(fault), REMEDY)
        return
    if contract is None:
        detail = "there is no goldenpath/contract.py"
        yield note("contract", detail, "make export")
        return
    fields = f"{len(contract.fields)} field{'s' * (len(contract.fields) != 1)}"
    detail = f"{fields}, and {contract.target.column} is predicted"
    yield good("contract", detail)


def check_row_columns(settings: Settings) -> Iterator[Finding]:
    "Do the rows, or the stand-in, have the columns that contract and split need? Only headers are read."
    contract = sound_contract()
    if contract is None or not find_spec("goldenpath.steps"):  # the server's image trains nothing
        return
    from goldenpath.steps.data import check_columns as columns_of
    from goldenpath.tables.sources import find_files

    try:
        source = settings.data_source()
        if source not in ("synthetic", FEEDBACK):
            find_files(source)
    except BadInput:  # the check of the data says so
        return
    columns_of(contract, settings)
    rows = {"synthetic": "the synthetic stand-in", FEEDBACK: "an answered record"}.get(source, source)
    detail = f"{rows} has every column that contract and split need"
    yield good("columns", detail)


def check_suspicions(settings: Settings) -> Iterator[Finding]:
    "Check the first rows for a column that is the target, a key that tells nothing apart, and many texts."
    contract = sound_contract()
    if contract is None or not find_spec("pyarrow"):
        return
    from goldenpath.tables.reader import read_source
    from goldenpath.tables.suspicions import suspicions
    from goldenpath.tables.triage import needed_columns, needed_frame

    try:
        source = settings.data_source()
        columns = needed_columns(contract, settings.split)
        chunk = None if source in ("synthetic", FEEDBACK) else next(read_source(source, columns), None)
    except GoldenpathError:  # other checks say so
        return
    if chunk is None:
        return
    frame = needed_frame(chunk, {*columns, *(field.name for field in contract.fields)})
    clean = contract.check(frame[contract.outcome_known(frame)]).clean
    for line in suspicions(clean, contract):
        yield note("rows", line, f"look at the rows, then at {_NOTEBOOK}")


def check_slices(settings: Settings) -> Iterator[Finding]:
    "Are the slices columns of the contract? `enrich` may add others, so it is worth a note only."
    contract = sound_contract()
    if contract is None:
        return
    names = [field.name for field in contract.fields]
    for name in settings.slices:
        if name not in names:
            yield note(
                "slices",
                f"slices names '{name}', which is not a field of the contract{nearest(name, names)}",
                "correct `slices` in settings.ini, unless `enrich` in 04_model adds that column",
            )


def check_gate(settings: Settings) -> Iterator[Finding]:
    "Are the metrics of the gate's settings those of the contract's task?"
    contract = sound_contract()
    if contract is None or not find_spec("goldenpath.steps"):  # the server's image judges nothing
        return
    from goldenpath.evaluation.judged import judged_metrics

    try:
        judged = judged_metrics(contract.target, settings)
    except BadInput as fault:
        yield bad("gate", str(fault), "correct `gate_floors` or `gate_metrics` in settings.ini")
        return
    yield good("gate", f"{', '.join(judged)} must beat the baseline")


def check_candidates(settings: Settings) -> Iterator[Finding]:
    "Are the candidates of the settings among those of 04_model, and are their packages installed?"
    contract = sound_contract()
    if contract is None or not find_spec("goldenpath.steps"):  # the server's image trains nothing
        return
    from goldenpath.model import present_candidates

    named, remedy = settings.choose.name, "correct `candidates` or `choose` in settings.ini"
    try:
        absent, present = present_candidates(contract.task, settings.candidates, named)
    except BadInput as fault:
        yield bad("candidates", str(fault), remedy)
        return
    if named and named not in present:
        yield bad("candidates", f"choose = {named}: {absent.get(named, 'it is not in `candidates`')}", remedy)
    elif not present:
        yield bad("candidates", "; ".join(absent.values()), remedy)
    else:
        left_out = "".join(f"; {why}" for why in absent.values())
        yield good("candidates", f"{', '.join(present)} are compared{left_out}")


def check_champion(settings: Settings) -> Iterator[Finding]:
    "Check that the champion loads, and show which engine it uses."
    if sound_contract() is None:
        return
    from goldenpath.predict import open_predictor

    try:
        predictor = open_predictor(Project(settings).registry)
    except NoModel as fault:
        yield note("champion", str(fault), "goldenpath run")
        return
    answers = "the fast path" if predictor.path == "onnx" else "scikit-learn"
    why = f": {predictor.why}" if predictor.why else ""
    yield good("champion", f"{predictor.version}; {answers} answers{why}")


def sound_contract() -> Contract | None:
    "Import the contract if possible; `check_contract` reports one that fails."
    try:
        return load_contract()
    except BadInput:
        return None


ROWS: tuple[Check, ...] = (
    check_contract,
    check_row_columns,
    check_suspicions,
    check_slices,
    check_gate,
    check_candidates,
)
