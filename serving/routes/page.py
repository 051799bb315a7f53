"""The page at `/`: the contrast of the live model, and a form made from the contract.

Nothing signs or proves the file of a contrast, and all writers of the volume can put anything there: it is
read as a small regular file only, and no more than one visitor at a time waits for a volume that hangs.
"""

import json
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, render_template, request

from goldenpath.errors import BadInput, NoModel
from goldenpath.inference.explained_records import bars_of_fields
from goldenpath.measure.stopwatch import in_words
from goldenpath.predict import Predictor
from goldenpath.schema.fields import FieldSpec
from serving.candidates import shown_candidates
from serving.growth import growth_drawing
from serving.guards import secure
from serving.http import Operation, described, prediction
from serving.month import month_of
from serving.routes.about import manifest_of
from serving.state import state
from serving.trace import trace

_ROWS = (  # what is shown of a contrast, slowest first; percentiles by their median
    ("train_then_predict_s", "Train, then predict"),
    ("load_then_predict_s", "Load the model on every request"),
    ("first_request_s", "First request of a started server"),
    ("sklearn_one_s", "scikit-learn, in the process"),
    ("http_s", "This server, over HTTP"),
    ("http_floor_s", "Flask without a model, over HTTP"),
    ("http_bare_s", "Web server alone, over HTTP"),
    ("fast_one_s", "Compiled model, in the process"),
)
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
DECADE = 10.0
TIMES = " \N{MULTIPLICATION SIGN}"

assets = secure(Blueprint("assets", "serving", static_folder="static", template_folder="templates"))
page_routes = secure(Blueprint("page", __name__))


@dataclass(frozen=True)
class Bar:
    "One line of the contrast."

    name: str
    time: str  # with its unit
    width: float  # per cent of the chart, on a logarithmic scale
    multiple: str  # of this server's answer over HTTP, or of the compiled model; "" for that line itself
    ours: bool


@page_routes.get("/", endpoint="show")
@described(Operation(text="text/html"))
def page() -> str:
    "Show the page."
    return render_page()


@page_routes.post("/ask")
def ask() -> str:
    "Answer the form of browsers without scripts."
    try:
        return render_page(**ask_form(request.form.to_dict()))
    except (BadInput, NoModel) as fault:
        return render_page(fault=str(fault))


def render_page(**more: Any) -> str:
    "Render the page with its current values."
    live = state().live
    manifest = manifest_of(live.champion) if live.champion else None
    bars = bars_of(measured(live.champion)) if live.champion else []
    champion = live.champion.version if live.champion else ""
    return render_template(
        "page.html",
        problems=state().problems,
        manifest=manifest,
        bars=bars,
        growth=growth_drawing(state().contrasts.of(champion)) if champion else None,
        now=state().figures() if state().metrics else None,
        fields=state().contract.fields,
        target=state().contract.target,
        in_words=in_words,
        tick_label=tick_label,
        **shown_candidates(state().leaderboards.of(manifest) if manifest else None),
        month=month_of(state().monitor.report, champion, datetime.now(UTC)),
        **more,
    )


def ask_form(form: dict[str, str]) -> dict[str, Any]:
    "Answer the form's record, and explain the answer if that is asked for. Raises BadInput, NoModel."
    values = {field.name: typed(field, form.get(field.name, "")) for field in state().contract.fields}
    started = time.perf_counter()
    timed = state().answer(body := json.dumps(values).encode())  # as /predict would
    seconds = time.perf_counter() - started
    key = state().key(timed.record, trace())
    state().note(timed.role, timed.record, timed.answer, prediction(trace().id, timed.answer, key), body)
    answer = {**timed.answer._asdict(), "time": in_words(seconds), "id": trace().id}
    if form.get("explain") != "true":
        return {"answer": answer}
    explanation = state().explanation(timed)
    return {"answer": answer, "explanation": explanation, "bars_why": bars_of_fields(explanation.fields)}


def typed(field: FieldSpec, text: str) -> Any:
    "Convert a form's text to JSON; text that doesn't match is left for the contract to reject."
    if text == "" and field.optional:
        return None
    try:
        if field.kind in ("integer", "number"):
            return float(text)
    except ValueError:
        return text
    return {"true": True, "false": False}.get(text, text) if field.kind == "boolean" else text


def measured(predictor: Predictor) -> dict[str, float]:
    "Return seconds by key of `_ROWS`: from the contrast, or what the manifest knows where none was measured."
    manifest = manifest_of(predictor)
    seconds_by_row = {f"{path}_one_s": latency.p50 for path, latency in manifest.latency.items()}
    seconds_by_row = {
        "fast_one_s" if name == "onnx_one_s" else name: value for name, value in seconds_by_row.items()
    }
    return medians(state().contrasts.of(manifest.version)) or medians(seconds_by_row)


def medians(contrast: Any) -> dict[str, float]:
    "Return seconds by key of `_ROWS`; what is not a time is left out, since nothing proves this file."
    shown = {key: contrast.get(key) for key, _ in _ROWS} if isinstance(contrast, dict) else {}
    plain = {key: value.get("p50") if isinstance(value, dict) else value for key, value in shown.items()}
    return {key: value for key, value in plain.items() if isinstance(value, float) and 0 < value < math.inf}


def bars_of(seconds: dict[str, float]) -> list[Bar]:
    "Lines of the chart, slowest first."
    if not seconds:
        return []
    unit = seconds.get("http_s") or seconds.get("fast_one_s") or min(seconds.values())
    low = math.log10(min(seconds.values())) - 0.4  # so that the shortest bar is still seen
    span = math.log10(max(seconds.values())) - low
    shown = [(name, seconds[key]) for key, name in _ROWS if key in seconds]
    return [
        Bar(
            name=name,
            time=in_words(value),
            width=round(100 * (math.log10(value) - low) / span, 2),
            multiple="" if value == unit else times(value / unit),
            ours=value == unit,
        )
        for name, value in sorted(shown, key=lambda one: -one[1])
    ]


def tick_label(seconds: float) -> str:
    "Write a power of ten at an axis, such as `10 ms`."
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), UNITS[-1])
    return f"{seconds / size:,.6g} {unit}"


def times(ratio: float) -> str:
    "Write a ratio with its sign."
    return f"{ratio:,.0f}{TIMES}" if ratio >= DECADE else f"{ratio:.2g}{TIMES}"
