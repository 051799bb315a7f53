"""monitor.html: the sentence, the reasons, and for each version its pictures and tables.

No script and no external asset: a workbench opens such a file with scripts off, and people mail it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from goldenpath.evaluation.slices import ENOUGH
from goldenpath.feedback.monitor import Drift, MonitorReport, VersionReport, Window
from goldenpath.report.material import Picture
from goldenpath.report.monitor_plots import plot_moved, plot_requests, plot_worth
from goldenpath.report.plots import png_of
from goldenpath.report.render import render

BLIND = (
    "It does not see a changed meaning of the outcome: if the same records now have another outcome, the "
    "estimate stays as it was. Only outcomes show it.",
    "It rests on the probabilities being right for the records that come now. Far from the training rows "
    "they may be wrong, and the estimate with them.",
    "It does not see what is not counted: refused requests, and fields that the model does not take.",
)
WINDOWS_LISTED = 200  # windows listed as a table, the newest


@dataclass(frozen=True)
class VersionPart:
    "One version as the page shows it."

    report: VersionReport
    metrics: tuple[str, ...]  # measured in any way, the judged ones first
    pictures: tuple[Picture, ...]
    drift: tuple[tuple[str, Drift], ...]  # of the last day; the furthest beyond its limit first
    windows: tuple[Window, ...]  # newest first


def monitor_page(report: MonitorReport) -> str:
    "Render the page as HTML."
    return render(
        "monitor.html.jinja",
        report=report,
        parts=[_part(version, report.judged) for version in report.versions],
        judged=report.judged,
        blind=BLIND,
        enough=ENOUGH,
    )


def _part(version: VersionReport, judged: Sequence[str]) -> VersionPart:
    named = version.recent.figures if version.recent else {}
    return VersionPart(
        report=version,
        metrics=tuple(dict.fromkeys((*judged, *version.promised))) if version.promised else (),
        pictures=tuple(_pictures(version, judged)),
        drift=tuple(sorted(named.items(), key=lambda pair: -in_limits(pair[1]))),
        windows=version.windows[::-1][:WINDOWS_LISTED],
    )


def in_limits(drift: Drift) -> float:
    "Return a distance as a multiple of its limit; 0 without one."
    return drift.distance / drift.limit if drift.limit else 0.0


def _pictures(version: VersionReport, judged: Sequence[str]) -> list[Picture]:
    pictures = [
        Picture(
            png_of(plot_worth(version, metric)),
            f"{metric} by window: estimated without outcomes, realised with them; the band is the promise",
        )
        for metric in judged
        if any(metric in (window.estimated | window.realised) for window in version.windows)
    ]
    if moved := plot_moved(version):
        words = "Distance of each field and of the scores by window; in the band it is normal for its size"
        pictures.append(Picture(png_of(moved), words))
    if version.windows:
        words = "Requests by window, answered and refused"
        pictures.append(Picture(png_of(plot_requests(version)), words))
    return pictures
