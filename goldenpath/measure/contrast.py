"""What `09_contrast` measures, as `contrast.json`, and the same as lines for terminal, plot and report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from goldenpath.measure.growth import CALLS, Growth
from goldenpath.measure.stopwatch import Seconds, cut_short, in_words, three_figures
from goldenpath.records import Frozen, Latency

if TYPE_CHECKING:
    from goldenpath.text.text_table import TextTable

_STAND_IN = "synthetic stand-in: no real rows"


class Contrast(Frozen):
    "Every time in seconds; None where it could not be measured, with the reason in `notes`."

    model: str
    version: str
    synthetic: bool
    rows: int  # that the version was trained on
    train_then_predict_s: float | None  # train, then predict
    load_then_predict_s: float | None  # verify, load and predict one record, on every request
    first_request_s: float | None  # of a server that has just become ready
    sklearn_one_s: Latency | None  # one record in this process
    fast_one_s: Latency | None  # the same through the compiled model; None without a proven one
    http_s: Latency | None  # over HTTP, keep-alive
    http_floor_s: Latency | None  # the same server, reading the body and answering a constant through Flask
    http_bare_s: Latency | None = None  # the same web server, answering a constant without Flask
    batch_records_per_s: dict[str, float]  # in this process, by size of the batch
    machine: str
    notes: tuple[str, ...]
    growth: Growth | None = None  # train, then predict, on more and more rows

    @property
    def grown(self) -> Growth | None:
        "What can be compared: the growth, if two numbers of rows at least were measured."
        return self.growth if self.growth and len(self.growth.points) > 1 else None


@dataclass(frozen=True)
class InProcess:
    "What was measured in this process, without a server."

    sklearn_one: Seconds
    fast_one: Seconds | None  # None without a verified ONNX model
    why_slow: str  # why there is none
    loads: Seconds
    rates: dict[str, float]  # records per second, by size of the batch

    def notes(self, ones: int, loads: int) -> tuple[str, ...]:
        "Report which figures are missing or rest on fewer calls than these."
        few = (
            cut_short("sklearn_one_s", self.sklearn_one, ones),
            cut_short("load_then_predict_s", self.loads, loads),
        )
        return (*few[0], *few[1], *([f"fast_one_s: {self.why_slow}"] if self.fast_one is None else []))


class Line(NamedTuple):
    "One row of the table, one mark of the plot."

    kind: Literal["training", "loading", "process", "http", "batch"]
    what: str
    seconds: float  # for one record; the median where there are percentiles
    p95: float | None = None
    p99: float | None = None


SINGLE: tuple[tuple[Literal["training", "loading", "process", "http"], str, str], ...] = (
    ("training", "train_then_predict_s", "train, then predict"),
    ("loading", "load_then_predict_s", "verify, load, then predict"),
    ("loading", "first_request_s", "first request after a start"),
    ("process", "sklearn_one_s", "in process, scikit-learn"),
    ("process", "fast_one_s", "in process, fast path"),
    ("http", "http_s", "over HTTP"),
    ("http", "http_floor_s", "over HTTP, Flask without a model"),
    ("http", "http_bare_s", "over HTTP, web server alone"),
)

_NAMES = {key: what for _, key, what in SINGLE}


def lines(contrast: Contrast) -> Iterator[Line]:
    "Everything that was measured, in the order of the report."
    for kind, key, what in SINGLE:
        value = getattr(contrast, key)
        if isinstance(value, Latency):
            yield Line(kind, what, value.p50, value.p95, value.p99)
        elif value is not None:
            yield Line(kind, what, value)
    for size, rate in contrast.batch_records_per_s.items():
        what = f"batches of {int(size):,}: {three_figures(rate)}/s"
        yield Line("batch", what, 1 / rate)


def reference(contrast: Contrast) -> tuple[float, str] | None:
    "Return the unit of all lines, in seconds and in words; None if no suitable line was measured."
    for value, name in (
        (contrast.http_s, "HTTP median"),
        (contrast.fast_one_s, "in-process median (no server)"),
        (contrast.sklearn_one_s, "in-process median (no server)"),
    ):
        if value is not None:
            return value.p50, name
    return None


def multiple(seconds: float, contrast: Contrast) -> str:
    "`6,820 x`; empty where there is nothing to compare with."
    base = reference(contrast)
    return f"{three_figures(seconds / base[0])} x" if base else ""


def headline(contrast: Contrast) -> str:
    "Return the contrast in one sentence."
    served, trained = reference(contrast), contrast.train_then_predict_s
    if served is None or trained is None:
        return "Training was not measured beside prediction."
    return (
        f"Training and then predicting takes {in_words(trained)}; {_answers(contrast)} in "
        f"{in_words(served[0])}: {three_figures(trained / served[0])} times faster."
    )


def _answers(contrast: Contrast) -> str:
    return "a running server answers" if contrast.http_s else "a loaded model answers in process"


def growth_sentence(contrast: Contrast) -> str:
    "Return what the growth came to; empty if there is nothing to compare."
    served, growth = reference(contrast), contrast.grown
    if not growth or not served:
        return ""
    trained = ", ".join(f"{in_words(point.seconds)} with {point.rows:,} rows" for point in growth.points)
    return f"Train, then predict: {trained}; {_answers(contrast)} in {in_words(served[0])}."


def growth_notes(contrast: Contrast) -> Iterator[str]:
    "Say in sentences what was measured as rows grow, and what was not."
    if not (growth := contrast.grown):
        return
    fewest = min(point.calls for point in growth.points)
    yield (
        f"Training reads the checked rows, fits {growth.candidate} as 05_train does (in a large table, equal "
        f"rows once with their count) and predicts one record; medians of {fewest} to {CALLS} repetitions"
    )
    if contrast.synthetic and growth.points[-1].rows > contrast.rows:
        yield f"more rows than the {contrast.rows:,} of the run are drawn from the same stand-in"
    late = [f"{number.rows:,}" for number in growth.left_out if not number.why]
    if late:
        listed = " and ".join([", ".join(late[:-1]), late[-1]]) if late[1:] else late[0]
        yield f"left out, because growth_seconds = {growth.within_s:g} was over: {listed} rows"
    yield from (f"{number.rows:,} rows left out: {number.why}" for number in growth.left_out if number.why)


def contrast_table(contrast: "Contrast | Mapping[str, Any]") -> "TextTable":
    "Render the contrast for the terminal; also from the content of `contrast.json`."
    from goldenpath.text.text_table import TextTable

    record = contrast if isinstance(contrast, Contrast) else Contrast.model_validate(contrast)
    base = reference(record)
    sentences = (
        headline(record),
        growth_sentence(record),
        record.machine,
        *notes(record),
        *growth_notes(record),
    )
    caption = "\n".join(filter(None, sentences))
    table = TextTable(_title(record), caption=caption, caption_justify="left")
    table.add_column("one record")
    for heading in ("median", "p95", "p99", f"x {base[1]}" if base else "multiple"):
        table.add_column(heading, justify="right")
    previous = ""
    for line in lines(record):
        if line.kind == "batch" and previous != "batch":
            table.add_section()
        table.add_row(line.what, *(_time(t) for t in line[2:]), multiple(line.seconds, record))
        previous = line.kind
    return table


def notes(contrast: Contrast) -> tuple[str, ...]:
    "Return the notes, each of which names a line of the table as the table does, not as `contrast.json`."
    return tuple(map(_note, contrast.notes))


def _note(note: str) -> str:
    key, colon, text = note.partition(": ")
    return f"{_NAMES.get(key, key)}{colon}{text}"


def _title(contrast: Contrast) -> str:
    stand_in = f"\n({_STAND_IN})" if contrast.synthetic else ""
    return f"{contrast.model} {contrast.version}, trained on {contrast.rows:,} rows{stand_in}"


def _time(seconds: Any) -> str:
    return "" if seconds is None else in_words(seconds)
