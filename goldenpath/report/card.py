"""MODEL_CARD.md: what a person should know before using a version, from its own records.

The headings follow Mitchell et al., "Model Cards for Model Reporting" (2019), as far as records exist.
"""

from collections.abc import Iterable, Sequence

from goldenpath.evaluation.gate import Rule, Verdict
from goldenpath.evaluation.metrics import METRICS, Interval, label
from goldenpath.evaluation.record import Compared, Evaluation
from goldenpath.evaluation.slices import ENOUGH, Slice
from goldenpath.registry.manifest import Frozen, Manifest
from goldenpath.schema.fields import ContractSpec

STAND_IN = (
    "Trained on a **synthetic stand-in**, not on real rows: it shows how the path works and nothing else."
)


class Words(Frozen):
    "What no record can know, in the words of the project's own notebook."

    purpose: str
    limits: tuple[str, ...]


def model_card(
    manifest: Manifest,  # `files` may still be empty
    verdict: Verdict,
    evaluation: Evaluation,
    spec: ContractSpec,
    words: Words,
) -> str:
    "The whole card as Markdown."
    parts = [
        f"# {manifest.model} {manifest.version}",
        STAND_IN if manifest.synthetic else "",
        "## Intended use",
        words.purpose,
        *_limits(words),
        "## Data",
        *_data(manifest, spec),
        "## Decision threshold",
        _threshold(evaluation),
        "## Results on test rows",
        *_results(evaluation),
        "## Groups",
        *_groups(evaluation.slices),
        "## Gate",
        *_gate(verdict),
        "## Made of",
        *_made_of(manifest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _limits(words: Words) -> list[str]:
    return ["## Limits", "\n".join(f"- {one}" for one in words.limits)] if words.limits else []


def _data(manifest: Manifest, spec: ContractSpec) -> list[str]:
    rows = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in manifest.data.rows.items())
    target = spec.target
    return [
        f"Source: {'synthetic stand-in, ' if manifest.synthetic else ''}`{manifest.data.source}`. "
        f"Rows: {rows}. Split: `{manifest.data.split}`.",
        f"Predicted: `{target.column}` = {target.positive} (otherwise {target.negative}), from "
        + ", ".join(f"`{field.name}`" for field in spec.fields)
        + ".",
    ]


def _threshold(evaluation: Evaluation) -> str:
    chosen = evaluation.threshold
    return (
        f"{chosen.value:.4f}, by the rule `{chosen.rule}` on {evaluation.rows['validation']:,} validation "
        f"rows (there: recall {figure(chosen.recall)}, precision {figure(chosen.precision)})."
    )


def _results(evaluation: Evaluation) -> list[str]:
    headings = ["metric", *(model.name for model in evaluation.models)]
    rows = [
        [label(metric), *(with_interval(model.metrics[metric]) for model in evaluation.models)]
        for metric in METRICS
    ]
    said = (
        f"{evaluation.rows['test']:,} rows, {evaluation.positives['test']:,} of them positive; in brackets "
        f"the 95 % interval of {evaluation.bootstrap} bootstrap resamples."
    )
    return [said, markdown_table(headings, rows), *_compared(evaluation)]


def _compared(evaluation: Evaluation) -> list[str]:
    if evaluation.not_comparable:
        return [f"The champion is not comparable: {evaluation.not_comparable}."]
    return [
        f"Champion at that time: {model.version}." for model in evaluation.models if model.name == "champion"
    ]


def _groups(slices: Sequence[Slice]) -> list[str]:
    if not slices:
        return ["The settings name no columns to look at group by group (`slices`)."]
    headings = ["column", "group", "rows", "positive", "recall", "false positive rate"]
    rows = [
        [
            s.column,
            s.level,
            f"{s.count:,}",
            f"{s.positives:,}",
            figure(s.recall),
            figure(s.false_positive_rate),
        ]
        for s in slices
    ]
    return [markdown_table(headings, rows), f"Groups with fewer than {ENOUGH} positive rows say little."]


def _gate(verdict: Verdict) -> list[str]:
    headings = ["rule", "value", "threshold", "result", "how it was judged"]
    rows = [_rule(rule) for rule in verdict.rules]
    return [f"{'Passed' if verdict.passed else 'Refused'}.", markdown_table(headings, rows)]


def _rule(rule: Rule) -> list[str]:
    value = with_interval(Interval(value=rule.value, low=rule.low, high=rule.high))
    return [rule.name, value, figure(rule.threshold), rule.result, rule.detail]


def _made_of(manifest: Manifest) -> list[str]:
    libraries = ", ".join(f"{name} {version}" for name, version in manifest.environment.items())
    fast = manifest.fast_path
    return [
        f"- pipeline: `{manifest.fingerprint_parts.get('pipeline', '')}`\n"
        f"- fast path: {fast.status}{f' ({fast.reason})' if fast.reason else f' on {fast.rows:,} rows'}\n"
        f"- trained by {manifest.who}, {manifest.created}, run {manifest.run}, seed {manifest.seed}\n"
        f"- commit {manifest.git_commit or 'unknown'}, library {manifest.library_hash[:12]}, "
        f"data {manifest.data.fingerprint[:12]}\n"
        f"- {libraries}"
    ]


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    "A table whose cells may hold anything."
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def figure(value: float | None) -> str:
    "A share or score with three decimals; a dash where there is none."
    return "-" if value is None else f"{value:.3f}"


def with_interval(interval: Interval) -> str:
    "`0.956 [0.941, 0.968]`"
    if interval.low is None or interval.high is None:
        return figure(interval.value)
    return f"{figure(interval.value)} [{figure(interval.low)}, {figure(interval.high)}]"


def compared(evaluation: Evaluation, name: str) -> Compared | None:
    "One of the models by its name; None where it was not measured."
    return next((model for model in evaluation.models if model.name == name), None)
