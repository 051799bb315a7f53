"""The page at `/`: the contrast of the live model, and a form made from the contract.

Nothing signs or proves the file of a contrast, and whoever writes the volume can put anything there: it is
read as a small regular file only, and no more than one visitor at a time waits for a volume that hangs.
"""

import json
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, render_template, request
from pydantic_core import from_json

from goldenpath.errors import BadInput, GoldenpathError, NoModel
from goldenpath.predict import Predictor
from goldenpath.registry.registry import Registry
from goldenpath.schema.contract import Contract
from goldenpath.schema.fields import FieldSpec
from goldenpath.volume import read_file
from serving.asking import asking
from serving.figures import Figures
from serving.guards import secure
from serving.models import Models
from serving.routes.about import manifest_of
from serving.trace import trace

ROWS = (  # what is shown of a contrast, slowest first; percentiles by their median
    ("train_then_predict_s", "Train, then predict"),
    ("load_then_predict_s", "Load the model on every request"),
    ("first_request_s", "First request of a started server"),
    ("sklearn_one_s", "scikit-learn, in the process"),
    ("http_s", "This server, over HTTP"),
    ("fast_one_s", "Compiled model, in the process"),
)
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
DECADE = 10.0
REMEMBERED = 5.0  # seconds
LARGEST = 1 << 16  # bytes; a measured one has about 2,500
TIMES = " \N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Bar:
    "One line of the contrast."

    name: str
    time: str  # with its unit
    width: float  # per cent of the chart, on a logarithmic scale
    multiple: str  # of this server's answer over HTTP, or of the compiled model; "" for that line itself
    ours: bool


class Contrasts:
    "The measured contrast of one version at a time."

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._reading = threading.Lock()
        self._latest: tuple[str, float, Any] = ("", 0.0, None)  # version, monotonic seconds, JSON

    def of(self, version: str) -> Any:  # what the file holds as JSON; None where there is none, or no JSON
        "The contrast of a version, at most a few seconds old."
        known, when, contrast = self._latest
        fresh = known == version and time.monotonic() - when < REMEMBERED
        if not fresh and self._reading.acquire(blocking=False):
            try:
                contrast = self._read(version)
                self._latest, known = (version, time.monotonic(), contrast), version
            finally:
                self._reading.release()
        return contrast if known == version else None

    def _read(self, version: str) -> Any:
        try:
            return from_json(read_file(self._registry.contrast_file(version), LARGEST))
        except (OSError, ValueError, GoldenpathError):
            return None


Look = Callable[[], Figures] | None  # None: nothing is counted


def routes(contract: Contract, models: Models, look: Look) -> Blueprint:
    "The blueprint with the page; every address in it is relative."
    page = Blueprint("page", __name__)
    shown = partial(render, contract, models, Contrasts(models.registry), look)

    @page.get("/")
    def show() -> str:
        "The page."
        return shown()

    @page.post("/ask")
    def ask() -> str:
        "The form, where no script runs."
        try:
            return shown(answer=ask_form(contract, models, request.form.to_dict()))
        except (BadInput, NoModel) as fault:
            return shown(fault=str(fault))

    return secure(page)


def assets() -> Blueprint:
    "What the pages are made of."
    return secure(Blueprint("assets", "serving", static_folder="static", template_folder="templates"))


def render(contract: Contract, models: Models, contrasts: Contrasts, look: Look, **more: Any) -> str:
    "The page as it stands now."
    live = models.live
    told = manifest_of(live.champion) if live.champion else None
    bars = bars_of(measured(contrasts, live.champion)) if live.champion else []
    now = look() if look else None
    fields = contract.fields
    return render_template(
        "page.html", live=live, told=told, bars=bars, now=now, fields=fields, in_units=in_units, **more
    )


def ask_form(contract: Contract, models: Models, form: dict[str, str]) -> dict[str, Any]:
    "Answer the form's record. Raises BadInput, NoModel."
    values = {field.name: typed(field, form.get(field.name, "")) for field in contract.fields}
    started = time.perf_counter()
    answer = asking(contract, models)(json.dumps(values).encode(), "").answer  # as /predict would
    seconds = time.perf_counter() - started
    return {**answer._asdict(), "time": in_units(seconds), "id": trace().id}


def typed(field: FieldSpec, text: str) -> Any:
    "What a form's text means as JSON; what does not fit is left for the contract to refuse."
    if text == "" and field.optional:
        return None
    try:
        if field.kind in ("integer", "number"):
            return float(text)
    except ValueError:
        return text
    return {"true": True, "false": False}.get(text, text) if field.kind == "boolean" else text


def measured(contrasts: Contrasts, predictor: Predictor) -> dict[str, float]:
    "Seconds by row of `ROWS`: from the contrast, or what the manifest knows where none was measured."
    told = manifest_of(predictor)
    known = {f"{path}_one_s": latency.p50 for path, latency in told.latency.items()}
    known = {"fast_one_s" if name == "onnx_one_s" else name: value for name, value in known.items()}
    return medians(contrasts.of(told.version)) or medians(known)


def medians(contrast: Any) -> dict[str, float]:
    "Seconds by row of `ROWS`; whatever is no time is left out, since nothing proves this file."
    shown = {key: contrast.get(key) for key, _ in ROWS} if isinstance(contrast, dict) else {}
    plain = {key: one.get("p50") if isinstance(one, dict) else one for key, one in shown.items()}
    return {key: one for key, one in plain.items() if isinstance(one, float) and 0 < one < math.inf}


def bars_of(seconds: dict[str, float]) -> list[Bar]:
    "Lines of the chart, slowest first."
    if not seconds:
        return []
    unit = seconds.get("http_s") or seconds.get("fast_one_s") or min(seconds.values())
    low = math.log10(min(seconds.values())) - 0.4  # so that the shortest bar is still seen
    span = math.log10(max(seconds.values())) - low
    shown = [(name, seconds[key]) for key, name in ROWS if key in seconds]
    return [
        Bar(
            name=name,
            time=in_units(value),
            width=round(100 * (math.log10(value) - low) / span, 2),
            multiple="" if value == unit else times(value / unit),
            ours=value == unit,
        )
        for name, value in sorted(shown, key=lambda one: -one[1])
    ]


def in_units(seconds: float) -> str:
    "`12.3 ms`, to three digits."
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), UNITS[-1])
    value = seconds / size
    return f"{value:.3g} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def times(ratio: float) -> str:
    "A ratio with its sign."
    return f"{ratio:,.0f}{TIMES}" if ratio >= DECADE else f"{ratio:.2g}{TIMES}"
