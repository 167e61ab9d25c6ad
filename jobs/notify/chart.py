"""Draws a message's charts as PNG, at twice their size on screen."""

from __future__ import annotations

import io
import math

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from jobs.notify import words
from jobs.notify.blocks import Bars, Dot, Dots

WIDTH = 576
DPI = 200

INK = "#1b2430"
MUTED = "#66707f"
LINE = "#dfe3e8"
QUIET = "#c3cbd6"
ODD = "#c8501e"
FONT = "DejaVu Sans"
FONT_SIZE = 8.0
SMALL = 6.0
LARGE = 9.0

ROOMY_BARS = 13
LEFT, RIGHT = 0.45, 0.86


def png(chart: Bars | Dots) -> bytes:
    """The chart, `WIDTH` points wide on screen."""
    height = 190 if isinstance(chart, Bars) else 34 + 32 * len(chart.dots)
    figure = Figure(figsize=(WIDTH / 100, height / 100), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    if isinstance(chart, Bars):
        _draw_bars(axes, chart)
    else:
        _draw_dots(axes, chart, height)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _text(axes: Axes, x: float, y: float, text: str, **style: object) -> None:
    # Names are data: a "$" must not start a formula.
    defaults = {"fontfamily": FONT, "fontsize": FONT_SIZE, "color": INK, "parse_math": False}
    axes.text(x, y, _drawable(text), **{**defaults, **style})  # type: ignore[arg-type]


def _drawable(text: str) -> str:
    """Without the characters that the bundled font lacks, such as emoji."""
    known = _font().get_charmap()
    return "".join(char for char in text if char == "\n" or ord(char) in known).strip()


def _font() -> FT2Font:
    return font_manager.get_font(font_manager.findfont(FONT))


def _draw_bars(axes: Axes, chart: Bars) -> None:
    """Columns with their values on top; only the greatest is in colour."""
    values = [bar.value for bar in chart.bars]
    top = max(values)
    greatest = values.index(top)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_ylim(-0.24 * top, 1.12 * top)
    colours = [ODD if place == greatest else QUIET for place in range(len(values))]
    axes.bar(range(len(values)), values, width=0.74, color=colours)
    axes.axhline(0, color=LINE, linewidth=0.8)
    size = FONT_SIZE if len(values) <= ROOMY_BARS else SMALL
    for place, (value, label) in enumerate(zip(values, _axis_labels(chart), strict=True)):
        style = {"color": ODD, "fontweight": "bold"} if place == greatest else {}
        value_y, label_y = value + 0.025 * top, -0.04 * top
        text = {"ha": "center", "fontsize": size}
        _text(axes, place, value_y, words.whole(value), va="bottom", **text, **style)
        _text(axes, place, label_y, label, va="top", color=MUTED, linespacing=1.35, **text)


def _axis_labels(chart: Bars) -> list[str]:
    """Two lines, the second (the year, or the month of a day) only where it changes."""
    labels, last = [], ""
    for bar in chart.bars:
        first, _, second = bar.label.partition(" ")
        labels.append(first if second == last else f"{first}\n{second}")
        last = second
    return labels


def _draw_dots(axes: Axes, chart: Dots, height: int) -> None:
    """A row a finding: hollow is the most that was expected, filled what was ordered."""
    rows = len(chart.dots)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, rows - 1 + 34 / height * (rows + 1))
    low = min(dot.expected for dot in chart.dots)
    high = max(dot.actual for dot in chart.dots)
    for place, dot in enumerate(reversed(chart.dots)):
        expected, actual = (_position(value, low, high) for value in (dot.expected, dot.actual))
        _draw_dot(axes, place, dot, expected, actual)
    _draw_legend(axes, rows - 0.25)


def _position(value: float, low: float, high: float) -> float:
    """Where on the log scale between LEFT and RIGHT."""
    low, high, value = (math.log(max(number, 0.1)) for number in (low, high, value))
    return LEFT + (RIGHT - LEFT) * (value - low) / max(high - low, 1e-9)


def _draw_dot(axes: Axes, y: float, dot: Dot, expected: float, actual: float) -> None:
    _text(axes, 0.0, y, dot.label, va="center", fontsize=LARGE)
    axes.plot([expected, actual], [y, y], color=ODD, linewidth=2, alpha=0.35, zorder=2)
    axes.plot(expected, y, "o", color="white", markeredgecolor=MUTED, markersize=6, zorder=3)
    axes.plot(actual, y, "o", color=ODD, markersize=7, zorder=4)
    left = {"ha": "right", "va": "center", "color": MUTED, "fontsize": LARGE}
    right = {"va": "center", "color": ODD, "fontweight": "bold", "fontsize": LARGE}
    _text(axes, expected - 0.015, y, words.compact(dot.expected), **left)
    _text(axes, actual + 0.015, y, words.whole(dot.actual), **right)


def _draw_legend(axes: Axes, y: float) -> None:
    axes.plot(LEFT, y, "o", color="white", markeredgecolor=MUTED, markersize=5)
    _text(axes, LEFT + 0.015, y, "expected at most", va="center", color=MUTED)
    axes.plot(LEFT + 0.22, y, "o", color=ODD, markersize=5.5)
    _text(axes, LEFT + 0.235, y, "ordered (log scale)", va="center", color=MUTED)
