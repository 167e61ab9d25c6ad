"""Charts of the report: horizontal bars as SVG, the same bytes for the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bench.processes import ROOT

IMAGES = ROOT / "docs" / "images"
INK, OURS, OTHERS, GOAL = "#1b2430", "#c8501e", "#aab4c2", "#66707f"
STYLE: Any = {"svg.hashsalt": "bench", "svg.fonttype": "none", "font.family": "sans-serif"}


def bars(
    name: str,
    title: str,
    rows: Sequence[tuple[str, float]],
    *,
    unit: str = "s",
    ours: Sequence[str] = (),
    goal: float | None = None,
) -> str:
    """Draw `docs/images/bench-<name>.svg`; returns the Markdown that shows it.

    Args:
        rows: a label and a value each, the first on top.
        ours: labels of the bars that are ours.
        goal: where a dashed line goes.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.7 + 0.34 * len(rows)), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        labels = [label for label, _ in rows][::-1]
        values = [value for _, value in rows][::-1]
        drawn = axes.barh(labels, values, color=[OURS if x in ours else OTHERS for x in labels])
        axes.bar_label(drawn, [f"{value:,.3g} {unit}" for value in values], padding=4, color=INK)
        axes.set_xlim(0, max([*values, goal or 0]) * 1.18)
        if goal is not None:
            axes.axvline(goal, color=GOAL, linestyle="--", linewidth=1)
        axes.set_title(title, loc="left", color=INK, fontsize=10)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.set_xticks([])
        axes.tick_params(colors=INK, length=0)
        path = IMAGES / f"bench-{name}.svg"
        figure.savefig(path, metadata={"Date": None})
    _tidy(path)
    return f"![{title}](images/{path.name})"


def _tidy(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is words, the others are figures."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))
