"""report.html: contrast, evaluation, data and bias on one page, complete in itself.

No script and no external asset: a workbench opens such a file with scripts off, and people mail it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from goldenpath.evaluation.gate import Verdict
from goldenpath.evaluation.metrics import METRICS
from goldenpath.evaluation.record import Evaluation
from goldenpath.evaluation.slices import ENOUGH
from goldenpath.measure.contrast import Contrast, headline, lines, multiple, reference
from goldenpath.registry.manifest import Manifest
from goldenpath.report.render import render


class Picture(NamedTuple):
    "A PNG, and what it shows in words: for the caption, and for readers who cannot see it."

    png: bytes
    shows: str
    wide: bool = True  # takes the whole width; two that are not wide stand side by side


@dataclass(frozen=True)
class Material:
    "The contents of the page; empty values are left out."

    contrast: Contrast
    manifest: Manifest
    contrast_plot: Picture
    evaluation: Evaluation | None = None
    verdict: Verdict | None = None
    evaluation_plots: tuple[Picture, ...] = ()
    data_plots: tuple[Picture, ...] = ()
    findings: tuple[str, ...] = ()  # results of the exploration, in sentences
    purpose: str = ""
    limits: tuple[str, ...] = ()


def report(material: Material) -> str:
    "Render the page as HTML."
    contrast = material.contrast
    base = reference(contrast)
    return render(
        "report.html.jinja",
        material=material,
        contrast=contrast,
        manifest=material.manifest,
        evaluation=material.evaluation,
        headline=headline(contrast),
        tiles=list(_tiles(contrast)),
        reference=base[1] if base else "",
        lines=[line._asdict() | {"multiple": multiple(line.seconds, contrast)} for line in lines(contrast)],
        metrics=METRICS,
        enough=ENOUGH,
    )


def _tiles(contrast: Contrast) -> Iterator[tuple[str, float, str]]:  # class, seconds, text
    http, onnx = contrast.http_s, contrast.fast_one_s
    for kind, seconds, text in (
        ("training", contrast.train_then_predict_s, "to train, then predict one record"),
        ("loading", contrast.load_then_predict_s, "to verify and load, then predict, on every request"),
        ("http", http.p50 if http else None, "for one record over HTTP, from a running server"),
        ("process", onnx.p50 if onnx else None, "for one record in process, fast path"),
    ):
        if seconds is not None:
            yield kind, seconds, text
