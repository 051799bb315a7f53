"""report.html: contrast, evaluation, data and bias on one page, complete in itself.

No script and no external asset: a workbench opens such a file with scripts off, and people mail it.
"""

from collections.abc import Iterator

from goldenpath.evaluation.slices import ENOUGH
from goldenpath.measure.contrast import Contrast, headline, lines, multiple, notes, reference
from goldenpath.report.material import Material
from goldenpath.report.render import render


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
        notes=notes(contrast),
        tiles=list(_tiles(contrast)),
        reference=base[1] if base else "",
        lines=[line._asdict() | {"multiple": multiple(line.seconds, contrast)} for line in lines(contrast)],
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
