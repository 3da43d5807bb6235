"""The two halves of the ablation widget's picture: curves over epochs, and final scores."""

from vireid.plots import bars, curve
from vireid.runs import Run

WORDS = {  # curve or score -> what its axis says; fractions are drawn in per cent
    "rank1": "rank-1 (%)",
    "mAP": "mAP (%)",
    "mINP": "mINP (%)",
    "own_share_30": "own-modality share of the 30 nearest (%)",
    "own_share_k": "own-modality share of the k nearest (%)",
}
COUNTS = ("clusters", "outliers", "loss/", "lr", "steps")


def _percent(key: str) -> bool:
    return not any(word in key for word in COUNTS)


def draw_curves(groups: dict[str, list[Run]], key: str, ax) -> None:
    """A line per group over the epochs, stage 2 behind the stage 1 it went on from."""
    lines, scale = {}, 100 if _percent(key) else 1
    before = [len(r.curves) for runs in groups.values() for r in runs if r.config["epochs"][1] == 0]
    begins = max(before, default=0)  # where runs that went on from a stage 1 stand
    for name, runs in groups.items():
        seeds = [
            [None] * (begins if run.config["epochs"][0] == 0 else 0)
            + [None if row.get(key) is None else scale * row[key] for row in run.curves]
            for run in runs
        ]
        if any(v is not None for values in seeds for v in values):
            lines[name] = seeds
    label = WORDS.get(key, key + (" (%)" if scale == 100 else ""))
    if not lines:
        ax.set_axis_off()
        ax.text(0.5, 0.5, f"no run recorded {key}", ha="center", transform=ax.transAxes)
        return
    curve(lines, ax, ylabel=label, stage2=begins or None)


def draw_bars(groups: dict[str, list[Run]], key: str, paper: dict[str, float], ax) -> str:
    """A bar per group; returns the scores in words."""
    scores = {
        name: [100 * run.result[key] for run in runs if key in run.result]
        for name, runs in groups.items()
    }
    scores = {name: values for name, values in scores.items() if values}
    if not scores:
        ax.set_axis_off()
        return f"No run was scored by {key}."
    named = {
        name: paper[name.removeprefix("▶ ")] for name in scores if name.removeprefix("▶ ") in paper
    }
    bars(scores, ax, xlabel=WORDS[key], paper=named)
    return (
        WORDS[key]
        + ": "
        + "; ".join(
            f"{name.removeprefix('▶ ')} {sum(v) / len(v):.1f} (n = {len(v)})"
            + (f", paper {named[name]:.1f}" if name in named else "")
            for name, v in scores.items()
        )
        + "."
    )
