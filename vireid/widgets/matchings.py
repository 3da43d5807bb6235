"""Three matchings of a handful of clusters, played step by step beside their cost."""

from collections.abc import Callable
from functools import lru_cache

import ipywidgets as W
import numpy as np

from vireid.association.rows import cosine
from vireid.data.benchmarks.files import choose
from vireid.plots import canvas, course_board, course_legend
from vireid.widgets.courses import Step, hungarian_course, pgm_course, sinkhorn_course
from vireid.widgets.panel import Drawing, Panel

MOST = 6  # clusters of a modality that can still be read
LAMBDAS = (1.0, 5.0, 25.0)


def hungarian_steps(visible, infrared, *, step: int = 0) -> Panel:
    """Hungarian matching: subtractions, zeros, augmenting paths.

    Parameters
    ----------
    visible, infrared : (K_v, d) and (K_r, d) prototypes, 2 to 6 of each
    step : the step of the still; live, it begins at the first

    Raises ValueError for other numbers of clusters.
    """
    return _panel(2 - 2 * _cosine(visible, infrared), hungarian_course, step)


def pgm_steps(visible, infrared, *, step: int = 0) -> Panel:
    """PGM: round by round, and who is left over; otherwise as ``hungarian_steps``."""
    return _panel(np.exp(-_cosine(visible, infrared)), pgm_course, step)


def sinkhorn_steps(visible, infrared, *, lam: float = 5.0, step: int = 0) -> Panel:
    """Sinkhorn: rows and columns scaled in turns; ``lam`` of ``LAMBDAS`` to begin with."""
    wide = {"layout": W.Layout(width="260px")}
    choose(lam, LAMBDAS, "lam")
    dial = W.SelectionSlider(options=LAMBDAS, value=lam, description="lambda", **wide)
    return _panel(2 - 2 * _cosine(visible, infrared), sinkhorn_course, step, lam=dial)


def _cosine(visible, infrared) -> np.ndarray:
    s = cosine(visible, infrared)
    if not all(2 <= count <= MOST for count in s.shape):
        raise ValueError(
            f"{s.shape[0]} visible and {s.shape[1]} infrared clusters; give 2 to {MOST}"
        )
    return s


def _panel(cost: np.ndarray, course: Callable[..., list[Step]], step: int, **dials) -> Panel:
    @lru_cache(maxsize=64)
    def steps(visible: int, infrared: int, **dials) -> list[Step]:
        return course(cost[:visible, :infrared], **dials)

    def draw(step: int, **dials) -> Drawing:
        return _draw(cost, steps(**dials), step, plan="lam" in dials)

    wide = {"layout": W.Layout(width="260px")}
    full = {"visible": cost.shape[0], "infrared": cost.shape[1]}
    counts = {
        word: W.IntSlider(count, 2, count, description=word, **wide) for word, count in full.items()
    }
    last = len(steps(**full, **{name: dial.value for name, dial in dials.items()})) - 1
    player = W.IntSlider(min(step, last), 0, last, description="step", **wide)
    return Panel(
        draw, {"step": player, **counts, **dials}, player="step",
        last=lambda **dials: len(steps(**dials)) - 1,
    )  # fmt: skip


def _draw(cost: np.ndarray, steps: list[Step], step: int, plan: bool) -> Drawing:
    now = steps[step]
    caption = "In the fields: cost."
    if any(now.margins):
        caption = "In the fields: what is left (small: cost); at the edges: what was subtracted."
    rows, columns = now.table.shape
    height = 1.25 + 0.46 * rows
    margins = {"left": 0.04, "right": 0.99, "wspace": 0.16}
    margins |= {"bottom": 0.55 / height, "top": 1 - 0.62 / height}
    figure, (board, sides) = canvas(2, width=9.6, height=height, ratios=[1.5, 1], margins=margins)
    if flow := plan and step > 0:
        caption = "In the fields: plan in % (small: cost); at the edges: its sums."
    course_board(
        cost[:rows, :columns], now, board, sides, scale=100 if flow else 1,
        mass=now.table * rows if flow else None,
    )  # fmt: skip
    told = f"step {step} of {len(steps) - 1}: {now.told}"
    figure.text(0.01, 1 - 0.12 / height, told, va="top", fontsize=9.5)
    figure.text(0.04, 0.12 / height, caption, fontsize=8)
    if now.links:
        look = {"ncols": 4, "fontsize": 8, "frameon": False}
        figure.legend(handles=course_legend(), loc="lower right", **look)
    return figure, (
        f"Step {step} of {len(steps) - 1} for {rows} visible and {columns} infrared clusters. "
        f"{now.told} Links: {_linked(now)}."
    )


def _linked(step: Step) -> str:
    told = [
        f"v{i} and r{j}" + ("" if kind in ("kept", "new") else f" ({kind})")
        for (i, j), kind in step.links.items()
    ]
    return ", ".join(told) or "none"
