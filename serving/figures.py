"""What goes on right now, of all workers together: for the page, which works out rates between two looks."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from serving.http import reply
from serving.models import Live, Models
from serving.routes.about import roles_of

if TYPE_CHECKING:
    from prometheus_client import Metric

MODEL = "/v2/models/<model>"
COUNTED = ("/predict", "/predict/batch", f"{MODEL}/infer", f"{MODEL}/versions/<version>/infer")


@dataclass(frozen=True)
class Figures:
    "Counts since the start, and what is loaded here."

    requests: int  # to predict
    edges: list[float]  # seconds; upper edges of the histogram, without the last one, which is infinite
    counts: list[int]  # requests up to each edge, and all of them at the end
    p50: float | None  # seconds, since the start; None before the first request
    p99: float | None
    compared: int  # answers of the shadow
    agreed: int
    roles: dict[str, Any]
    problems: list[str]


def figures(families: "Iterable[Metric]", live: Live) -> Figures:
    "Read the metrics of all workers."
    samples = [sample for family in families for sample in family.samples]
    buckets: dict[float, float] = {}
    shadow = {"yes": 0.0, "no": 0.0}
    for sample in samples:
        if sample.name == "goldenpath_request_seconds_bucket" and sample.labels["route"] in COUNTED:
            edge = float(sample.labels["le"])
            buckets[edge] = buckets.get(edge, 0.0) + sample.value
        elif sample.name == "goldenpath_shadow_answers_total":
            shadow[sample.labels["agrees"]] += sample.value
    edges = sorted(buckets)
    counts = [round(buckets[edge]) for edge in edges]
    return Figures(
        requests=counts[-1] if counts else 0,
        edges=edges[:-1],
        counts=counts,
        p50=quantile(0.50, edges[:-1], counts),
        p99=quantile(0.99, edges[:-1], counts),
        compared=round(shadow["yes"] + shadow["no"]),
        agreed=round(shadow["yes"]),
        roles=roles_of(live),
        problems=list(live.problems),
    )


def quantile(share: float, edges: list[float], counts: list[int]) -> float | None:
    "As Prometheus' histogram_quantile: linear within a bucket, the last finite edge beyond it."
    if not counts or not counts[-1]:
        return None
    wanted, low, before = share * counts[-1], 0.0, 0
    for edge, count in zip(edges, counts, strict=False):
        if count >= wanted:
            return low + (edge - low) * (wanted - before) / (count - before)
        low, before = edge, count
    return edges[-1]


def routes(look: Callable[[], Figures]) -> Blueprint:
    "The blueprint of `/live`."
    api = Blueprint("figures", __name__)

    @api.get("/live")
    def show() -> Response:
        "What goes on right now: requests, times, roles, problems, agreement of the shadow."
        return reply(asdict(look()))

    return api


def looking(families: "Callable[[], Iterable[Metric]]", models: Models) -> Callable[[], Figures]:
    "Something that looks at the figures when it is called."
    return lambda: figures(families(), models.live)
