"""The modality game, step by step: a classifier names modalities, features run from it."""

from collections.abc import Mapping

import ipywidgets as W
import numpy as np
import torch

from vireid.arguments import as_array
from vireid.plots import canvas, sweep, three_modalities
from vireid.widgets.layer import ThreeModalities, Trained
from vireid.widgets.panel import Drawing, Panel


def modality_game(
    table: ThreeModalities,
    games: Mapping[str, Trained],
    *,
    start: str | None = None,
    step: int = -1,
) -> Panel:
    """A choice of game and a slider over its steps: the map of features, the classifier's accuracy.

    Parameters
    ----------
    table : what was played on; games : name -> ``layer.play`` of it, with equal steps
    start : the game to begin with, default the first; step : which of the steps looked at

    Raises ValueError when games were looked at at different steps.
    """
    steps = next(iter(games.values())).steps
    if other := [name for name, game in games.items() if game.steps != steps]:
        raise ValueError(f"{', '.join(other)}: looked at at other steps than the first game")
    maps = {name: flat_maps(game.x, table.modality) for name, game in games.items()}

    def draw(game: str, step: int) -> Drawing:
        return _draw(table, games[game], maps[game], game, step)

    wide = {"layout": W.Layout(width="420px")}
    first = next(iter(games)) if start is None else start
    chosen = W.SelectionSlider(options=steps, value=steps[step], description="step", **wide)
    return Panel(
        draw,
        {
            "game": W.Dropdown(options=list(games), value=first, description="opponent", **wide),
            "step": chosen,
        },
        player="step",
    )


def flat_maps(x, modality) -> np.ndarray:
    """(s, n, 2) maps of features (s, n, D): the plane in which the modalities' means move most.

    What all rows have in common at a step is taken off, for a shift of everything changes nothing.
    A plane chosen for the means shows the gap larger, beside the rows' spread, than a random one.
    """
    x, modality = as_array(x), as_array(modality)
    x = x - x.mean(1, keepdims=True)
    means = np.stack([x[:, modality == kind].mean(1) for kind in np.unique(modality)], 1)
    _, _, axes = np.linalg.svd(means.reshape(-1, x.shape[2]), full_matrices=False)
    plane = axes[:2] * np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(1)])[:, None]
    return x @ plane.T


def modalities_apart(x, modality) -> float:
    """Mean distance between the modalities' mean features, in units of their rows' spread."""
    x, modality = torch.as_tensor(x), torch.as_tensor(modality)
    means = torch.stack([x[modality == kind].mean(0) for kind in modality.unique()])
    inside = torch.cat(
        [x[modality == kind] - x[modality == kind].mean(0) for kind in modality.unique()]
    )
    return float(torch.pdist(means).mean() / inside.square().sum(1).mean().sqrt())


def _draw(table: ThreeModalities, game: Trained, maps: np.ndarray, name: str, step: int) -> Drawing:
    at = game.steps.index(step)
    low, high = maps.min((0, 1)), maps.max((0, 1))
    room = 0.05 * (high - low)
    limits = tuple(zip(low - room, high + room, strict=True))
    margins = {"left": 0.04, "right": 0.985, "bottom": 0.24, "top": 0.91, "wspace": 0.2}
    figure, (left, right) = canvas(2, width=9.4, height=3.9, margins=margins)
    apart = modalities_apart(game.x[at], table.modality)
    title = f"step {step}: modalities {apart:.2f} spreads apart"
    three_modalities(
        maps[at], table.modality, left, limits=limits, title=title, axis="means' plane"
    )
    counts = np.unique(table.modality, return_counts=True)[1]
    guessing = 100 * float(counts.max() / counts.sum())
    seen = [
        100 * a if s <= step else np.nan for s, a in zip(game.steps, game.accuracy, strict=True)
    ]
    sweep(
        game.steps, {"of the classifier": seen}, right, xlabel="step",
        ylabel="modalities named rightly (%)", chosen=step, title=name,
        reference={"guessing (%)": guessing},
    )  # fmt: skip
    right.set(xlim=(-0.02 * game.steps[-1], 1.02 * game.steps[-1]), ylim=(0, 104))
    return figure, (
        f"{name}, step {step}: map of {len(table.modality)} features in three modalities, whose "
        f"means are {apart:.2f} spreads apart; the classifier names {game.accuracy[at]:.0%} of the "
        f"modalities rightly, after {game.accuracy[0]:.0%} at the start and "
        f"{max(game.accuracy[: at + 1]):.0%} at best so far."
    )
