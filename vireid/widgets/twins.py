"""Twins: the same people, poses and noise in both modalities, the gap between them on a slider."""

import ipywidgets as W

from vireid.data.synthvi import CAMERAS, WORLD
from vireid.plots import canvas
from vireid.plots import twins as plot_twins
from vireid.types import Modality
from vireid.widgets.panel import Drawing, Panel


def twins(*, people: int = 8, seed: int = 11, last: int = 40) -> Panel:
    """Sliders over SynthVI's two gaps; above in visible light, below after ``do(modality=...)``.

    Parameters
    ----------
    people : how many are shown side by side; last : the largest number the people slider reaches
    seed : the population

    Raises ValueError when ``people`` or ``last`` is below 1.
    """
    if min(people, last) < 1:
        raise ValueError(f"people={people}, last={last}: give 1 person or more")

    def draw(first: int, modality_gap: float, style_gap: float, style: str) -> Drawing:
        world = WORLD.do(modality_gap=modality_gap, style_gap=style_gap, style=style)
        cameras = [world.camera(c) for c in CAMERAS[Modality.VISIBLE]]
        shots = [
            world.shot(world.person(p, seed=seed), cameras[p % 4], (seed, p, 0))
            for p in range(first, first + people)
        ]
        setting = f"{style}, modality_gap {modality_gap:g}, style_gap {style_gap:g}"
        margins = {"left": 0.01, "right": 0.99, "bottom": 0.01, "top": 0.92}
        figure, ax = canvas(width=6.4, height=3.5, margins=margins)
        plot_twins(shots, ax, title=f"do(modality = infrared): {setting}")
        return figure, (
            f"{people} drawn people in visible light and, below each, the same moment in infrared "
            f"({setting}): pose, place and noise are equal, the modality differs."
        )

    wide = {"layout": W.Layout(width="330px")}
    return Panel(
        draw,
        {
            "first": W.IntSlider(1, 1, last, description="first person", **wide),
            "modality_gap": W.FloatSlider(
                WORLD.modality_gap, min=0, max=1, step=0.01, description="modality_gap", **wide
            ),
            "style_gap": W.FloatSlider(
                WORLD.style_gap, min=0, max=1, step=0.01, description="style_gap", **wide
            ),
            "style": W.Dropdown(options=["nir", "thermal"], description="style", **wide),
        },
    )
