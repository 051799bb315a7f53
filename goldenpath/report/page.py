"""report.html: contrast, evaluation, data and bias on one page, complete in itself.

No script and no external asset: a workbench opens such a file with scripts off, and people mail it.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from goldenpath.evaluation.gate import Rule, Verdict
from goldenpath.evaluation.metrics import METRICS, Interval, label
from goldenpath.evaluation.record import Evaluation
from goldenpath.evaluation.slices import ENOUGH, Slice
from goldenpath.measure.contrast import Contrast, headline, lines, multiple, reference
from goldenpath.measure.stopwatch import in_words, three_figures
from goldenpath.registry.manifest import Manifest
from goldenpath.report.card import figure, with_interval
from goldenpath.report.style import STYLE

SECTIONS = {"contrast": "Contrast", "evaluation": "Evaluation", "data": "Data and bias", "origin": "Origin"}
STAND_IN = (
    "Made of a <strong>synthetic stand-in</strong>: rows drawn from published shares, about nobody. "
    "Times are real; metrics, pictures and bias are those of the stand-in."
)


class Cell(NamedTuple):
    "One cell of a table: text, its class, and HTML that is drawn behind it."

    text: str
    kind: str = ""
    drawn: str = ""


Row = Sequence[str | Cell]


class Picture(NamedTuple):
    "A PNG, and what it shows, in words: for the caption and for whoever cannot see it."

    png: bytes
    shows: str
    wide: bool = True  # takes the whole width; two that are not wide stand side by side


@dataclass(frozen=True)
class Material:
    "Everything that the page tells; what is None or empty is left out."

    contrast: Contrast
    manifest: Manifest
    contrast_plot: Picture
    evaluation: Evaluation | None = None
    verdict: Verdict | None = None
    evaluation_plots: tuple[Picture, ...] = ()
    data_plots: tuple[Picture, ...] = ()
    findings: tuple[str, ...] = ()  # what exploring found, in sentences
    purpose: str = ""
    limits: tuple[str, ...] = ()


def report(material: Material) -> str:
    "The whole page."
    title = escape(f"{material.contrast.model} {material.contrast.version}")
    parts = [_contrast(material), _evaluation(material), _data(material), _origin(material.manifest)]
    sections = (_section(anchor, told) for anchor, told in zip(SECTIONS, parts, strict=True))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
{_header(material)}
<main>
{"".join(sections)}</main>
<footer>Measured on {escape(material.contrast.machine)}.</footer>
</body>
</html>
"""


def _header(material: Material) -> str:
    contrast = material.contrast
    links = "".join(f'<a href="#{anchor}">{name}</a>' for anchor, name in SECTIONS.items())
    banner = f'<p class="banner">{STAND_IN}</p>' if contrast.synthetic else ""
    return f"""<header>
<h1>{escape(contrast.model)}</h1>
<p class="soft"><code>{escape(contrast.version)}</code></p>
{banner}
<p>{escape(material.purpose)}</p>
<nav aria-label="Sections">{links}</nav>
</header>"""


def _section(anchor: str, parts: Iterable[str]) -> str:
    told = "".join(f"{part}\n" for part in parts if part)
    return f'<section id="{anchor}">\n<h2>{SECTIONS[anchor]}</h2>\n{told}</section>\n'


def _contrast(material: Material) -> list[str]:
    told = material.contrast
    return [
        f"<p><strong>{escape(headline(told))}</strong></p>",
        _tiles(told),
        _picture(material.contrast_plot),
        _contrast_table(told),
        _list(told.notes, "notes"),
    ]


def _tiles(told: Contrast) -> str:
    http, fast = told.http_s, told.fast_one_s
    shown: list[tuple[str, float | None, str]] = [
        ("training", told.train_then_predict_s, "to train, then predict one record"),
        ("loading", told.load_then_predict_s, "to verify and load, then predict, on every request"),
        ("http", http.p50 if http else None, "for one record over HTTP, from a running server"),
        ("process", fast.p50 if fast else None, "for one record in process, fast path"),
    ]
    tiles = [
        f'<div class="figure {kind}"><b>{in_words(seconds)}</b>{what}</div>'
        for kind, seconds, what in shown
        if seconds is not None
    ]
    return f'<div class="figures">{"".join(tiles)}</div>'


def _contrast_table(told: Contrast) -> str:
    base = reference(told)
    times = ("median", "p95", "p99", f"times the {base[1]}" if base else "multiple")
    rows: list[Row] = [
        [line.what, *map(number, map(_time, line[2:])), number(multiple(line.seconds, told))]
        for line in lines(told)
    ]
    return table(["one record", *map(number, times)], rows)


def _time(seconds: float | None) -> str:
    return "" if seconds is None else in_words(seconds)


def _evaluation(material: Material) -> list[str]:
    found = material.evaluation
    if found is None:
        return ['<p class="soft">No run in this home holds the evaluation of this version.</p>']
    return [
        _threshold(found),
        _results(found),
        _gate(material.verdict),
        _gallery(material.evaluation_plots),
        _groups(found.slices),
    ]


def _threshold(found: Evaluation) -> str:
    chosen = found.threshold
    return (
        f"<p>{found.rows['test']:,} test rows, {found.positives['test']:,} of them positive. A record is "
        f"called positive from a probability of <strong>{chosen.value:.4f}</strong> on, by the rule "
        f"<code>{escape(chosen.rule)}</code> on {found.rows['validation']:,} validation rows.</p>"
    )


def _results(found: Evaluation) -> str:
    names = [number(f"{model.name} {model.version}".strip()) for model in found.models]
    rows: list[Row] = [
        [label(metric), *(number(with_interval(model.metrics[metric])) for model in found.models)]
        for metric in METRICS
    ]
    caption = (
        f"In brackets: 95 % interval of {found.bootstrap} bootstrap resamples, the same for every model."
    )
    shown = table(["metric", *names], rows, caption)
    if not found.not_comparable:
        return shown
    return f"{shown}<p>The champion is not comparable: {escape(found.not_comparable)}.</p>"


def _gate(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    headings: Row = ["rule", number("value"), number("threshold"), "result", "how it was judged"]
    said = "passed" if verdict.passed else "refused"
    return f"<h3>Gate: {said}</h3>" + table(headings, map(_rule, verdict.rules))


def _rule(rule: Rule) -> Row:
    value = with_interval(Interval(value=rule.value, low=rule.low, high=rule.high))
    result = Cell(rule.result, rule.result)
    return [rule.name, number(value), number(figure(rule.threshold)), result, rule.detail]


def _groups(slices: Sequence[Slice]) -> str:
    if not slices:
        return ""
    columns = dict.fromkeys(one.column for one in slices)
    tables = (_column([one for one in slices if one.column == name]) for name in columns)
    few = f"At the threshold above. Groups with fewer than {ENOUGH} positive rows say little."
    return f"<h3>Groups</h3><p>{few}</p>{''.join(tables)}"


def _column(slices: Sequence[Slice]) -> str:
    figures = ("rows", "positive", "observed", "predicted")
    headings: Row = [slices[0].column, *map(number, figures), "recall", number("false positives")]
    return table(headings, map(_group, slices))


def _group(one: Slice) -> Row:
    counts = [f"{one.count:,}", f"{one.positives:,}", figure(one.rate), figure(one.predicted)]
    bar = f' <span class="bar" style="width:{4 * (one.recall or 0):.2f}rem"></span>'
    recall = Cell(figure(one.recall), "recall", bar)
    return [one.level, *map(number, counts), recall, number(figure(one.false_positive_rate))]


def _data(material: Material) -> list[str]:
    data = material.manifest.data
    counts: list[Row] = [[name.replace("_", " "), number(f"{count:,}")] for name, count in data.rows.items()]
    return [
        f"<p>Source: <code>{escape(data.source)}</code>. Split: <code>{escape(data.split)}</code>.</p>",
        table(["rows", number("count")], counts),
        "<h3>What stands out</h3>" + _list(material.findings) if material.findings else "",
        _gallery(material.data_plots),
        "<h3>Limits</h3>" + _list(material.limits) if material.limits else "",
    ]


def _origin(manifest: Manifest) -> list[str]:
    fast = manifest.fast_path
    facts = {
        "trained by": f"{manifest.who}, {manifest.created}",
        "run": manifest.run,
        "commit": manifest.git_commit or "unknown",
        "seconds": ", ".join(f"{phase} {three_figures(took)}" for phase, took in manifest.seconds.items()),
        "fast path": f"{fast.status}: {fast.reason}"
        if fast.reason
        else f"{fast.status} on {fast.rows:,} rows",
        "pipeline": manifest.fingerprint_parts.get("pipeline", ""),
        "libraries": ", ".join(f"{name} {version}" for name, version in manifest.environment.items()),
    }
    entries = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return [f"<dl>{entries}</dl>"]


def _list(items: Sequence[str], kind: str = "said") -> str:
    entries = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<ul class="{kind}">{entries}</ul>' if items else ""


def _gallery(pictures: Sequence[Picture]) -> str:
    return f'<div class="pictures">{"".join(map(_picture, pictures))}</div>' if pictures else ""


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    shows = escape(picture.shows)
    image = f'<img src="data:image/png;base64,{data}" alt="{shows}">'
    kind = "wide" if picture.wide else "half"
    return f'<figure class="{kind}">{image}<figcaption>{shows}</figcaption></figure>'


def number(text: str) -> Cell:
    "A cell whose figures stand below each other."
    return Cell(text, "n")


def table(headings: Row, rows: Iterable[Row], caption: str = "") -> str:
    "A table that scrolls by itself where the screen is narrow."
    head = "".join(_cell(heading, "th", "col") for heading in headings)
    body = "".join(f"<tr>{_row(row)}</tr>" for row in rows)
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    inner = f"{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide" tabindex="0"><table>{inner}</table></div>'


def _row(cells: Row) -> str:
    return _cell(cells[0], "th", "row") + "".join(_cell(cell, "td") for cell in cells[1:])


def _cell(cell: str | Cell, tag: str, scope: str = "") -> str:
    text, kind, drawn = cell if isinstance(cell, Cell) else Cell(cell)
    named = f' class="{kind}"' if kind else ""
    reach = f' scope="{scope}"' if scope else ""
    return f"<{tag}{reach}{named}>{escape(text)}{drawn}</{tag}>"
