"""Training against rows, beside the line of this server: a drawing of the contrast for the page.

Nothing proves a contrast: one that is not whole, or whose figures cannot be drawn, has no drawing.
"""

import math
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from goldenpath.measure.contrast import Contrast, growth_notes, growth_sentence, reference
from goldenpath.measure.growth import labelled, ticks_of
from goldenpath.measure.stopwatch import in_words, three_figures
from serving.candidates import Scale

WIDTH, HEIGHT = 640.0, 250.0  # of the drawing
LEFT, RIGHT, TOP, BOTTOM = 62.0, 520.0, 44.0, 214.0  # of the lines
MOST_POINTS, MOST_DECADES = 20, 20


@dataclass(frozen=True)
class RowMark:
    "A number of rows in the drawing."

    x: float
    y: float
    text: str  # its time; empty if there is no room


@dataclass(frozen=True)
class GrowthDrawing:
    "Rows to the right, seconds upwards; both are logarithmic."

    sentence: str
    notes: list[str]
    marks: list[RowMark]
    decades: list[tuple[float, float]]  # y, and seconds
    rows: list[tuple[float, str]]  # x, and the number
    served_y: float
    served: str  # who answers, and in which time
    times: str  # how many times longer it takes with the most rows
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    bottom: float = BOTTOM


def growth_drawing(
    content: Any,  # of a contrast's file
) -> GrowthDrawing | None:
    "Draw the growth of a contrast; None if it has none, or none that can be drawn."
    try:
        contrast = Contrast.model_validate(content)
    except ValidationError:
        return None
    growth, base = contrast.grown, reference(contrast)
    if not growth or len(growth.points) > MOST_POINTS or not base or not 0 < base[0] < math.inf:
        return None
    points, (served, _) = growth.points, base
    times = [served, *(point.seconds for point in points)]
    up = Scale(math.log10(min(times)) - 0.3, math.log10(max(times)) + 0.2, BOTTOM, TOP)
    first, last = math.log10(points[0].rows), math.log10(points[-1].rows)
    if up.high - up.low > MOST_DECADES or first >= last:
        return None
    across = Scale(first - 0.07 * (last - first), last + 0.03 * (last - first), LEFT, RIGHT)
    named = labelled(points, contrast.rows)
    who = "this server" if contrast.http_s else "a loaded model"
    return GrowthDrawing(
        sentence=growth_sentence(contrast),
        notes=list(growth_notes(contrast)),
        marks=[
            RowMark(
                across.of(math.log10(point.rows)),
                up.of(math.log10(point.seconds)),
                in_words(point.seconds) if point in named else "",
            )
            for point in points
        ],
        decades=[(up.of(power), 10.0**power) for power in decades_in(up)],
        rows=[(across.of(math.log10(tick)), f"{tick:,}") for tick in ticks_of(points)],
        served_y=up.of(math.log10(served)),
        served=f"ask {who}: {in_words(served)}",
        times=f"{three_figures(points[-1].seconds / served)} times",
    )


def decades_in(scale: Scale) -> range:
    "Return the whole powers of ten on a logarithmic scale."
    return range(math.ceil(scale.low), math.floor(scale.high) + 1)
