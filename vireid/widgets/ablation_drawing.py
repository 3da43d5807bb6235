"""The ablation lab's pictures and sentences: scores, gains in pairs, curves over epochs."""

from statistics import mean, stdev

from vireid.experiment.lookup import Answer
from vireid.plots import bars, curve, gains
from vireid.runs import Run

WORDS = {  # curve or score -> what its axis says; fractions are drawn in per cent
    "rank1": "rank-1 (%)",
    "mAP": "mAP (%)",
    "mINP": "mINP (%)",
    "own_share_30": "own-modality share of the 30 nearest (%)",
    "own_share_k": "own-modality share of the k nearest (%)",
}
COUNTS = {"clusters", "outliers", "kept", "cross_kept", "cross_pairs", "trials"}


def _percent(key: str) -> bool:
    return not key.startswith("loss/") and key.rpartition("/")[2] not in COUNTS


def draw_curves(groups: dict[str, list[Run]], key: str, ax) -> str:
    """A line per group over the epochs, stage 2 alone where stage 2 begins; returns it in words."""
    lines, scale = {}, 100 if _percent(key) else 1
    first = [sum(row["stage"] == 1 for row in r.curves) for runs in groups.values() for r in runs]
    begins = max(first, default=0)  # epochs of stage 1: of runs that have recorded it
    for name, runs in groups.items():
        seeds = [
            [None] * (begins if run.curves[0]["stage"] == 2 else 0)
            + [None if row.get(key) is None else scale * row[key] for row in run.curves]
            for run in runs
        ]
        if any(v is not None for values in seeds for v in values):
            lines[name] = seeds
    label = WORDS.get(key, key + (" (%)" if scale == 100 else ""))
    if not lines:
        ax.set_axis_off()
        ax.text(0.5, 0.5, f"no run recorded {key}", ha="center", transform=ax.transAxes)
        return f"No run recorded {key}."
    curve(lines, ax, ylabel=label, stage2=begins or None)
    if not begins:
        ax.set_xlabel("epoch of stage 2")
    ends = {
        name: [scale * mean(values[at] for values in _told(groups[name], key)) for at in (0, -1)]
        for name in lines
    }
    words = "; ".join(f"{name} {first:.3g} to {last:.3g}" for name, (first, last) in ends.items())
    return f"{label} over the epochs, from first to last, mean over seeds: {words}."


def _told(runs: list[Run], key: str) -> list[list[float]]:
    """The recorded values of every run that has some."""
    return [values for run in runs if (values := run.curve(key)[1])]


def draw_answers(
    shown: dict[str, Answer], axes, *, score: str, chosen: str, against: str, paper: dict
) -> str:
    """Scores on the left, gains in pairs over ``against`` on the right; returns them in words."""
    scores = {name: list(one.scores(score).values()) for name, one in shown.items()}
    scores = {name: values for name, values in scores.items() if values}
    if not scores:
        for ax in axes:
            ax.set_axis_off()
        axes[0].text(0.5, 0.5, "no record here yet: train it, or choose another", ha="center")
        return f"No run was scored by {score}."
    marked = {("▶ " if name == chosen else "") + name: v for name, v in scores.items()}
    named = {m: paper[m.removeprefix("▶ ")] for m in marked if m.removeprefix("▶ ") in paper}
    bars(marked, axes[0], xlabel=WORDS[score], paper=named)
    pairs = {name: differences(shown, name, against=against, score=score) for name in scores}
    told = {n: shown[n].scores(score) for n in scores if shown[n].unsaid == shown[against].unsaid}
    if told.get(against):
        words = f"gain in {WORDS[score].removesuffix(' (%)')} (points)"
        gains(told, axes[1], base=against, chosen=chosen, places=list(scores), xlabel=words)
    else:
        axes[1].text(0.5, 0.5, f"no record of {against} to compare with", ha="center")
        axes[1].set_axis_off()
    axes[1].set_yticklabels([])
    for label in axes[0].get_yticklabels():
        label.set_weight("bold" if label.get_text().startswith("▶") else "normal")
    parts = [
        f"{name} {mean(v):.1f} (n = {len(v)}"
        + (f", gain {mean(pairs[name]):+.1f}" if pairs[name] else "")
        + (f", paper {paper[name]:.1f}" if name in paper else "")
        + ")"
        for name, v in scores.items()
    ]
    return f"{WORDS[score]}: {'; '.join(parts)}. Gains are over {against}."


def differences(shown: dict[str, Answer], name: str, *, against: str, score: str) -> list[float]:
    """Gains of a setting over another, one for each pair of equal seed and pictures; points.

    None where the records of one are of an older version than those of the other.
    """
    if name == against or shown[name].unsaid != shown[against].unsaid:
        return []
    own, base = (shown[n].scores(score) for n in (name, against))
    return [own[pair] - base[pair] for pair in own if pair in base]


def in_figures(shown: dict[str, Answer], name: str, *, against: str, score: str) -> str:
    """What the records say of a setting, or that there is none, with the warnings they need."""
    one = shown[name]
    values = list(one.scores(score).values())
    if not values:
        return "no record of this on this data set: <em>train it now</em> does, on the tiny world"
    plain = WORDS[score].removesuffix(" (%)")
    if len(values) == 1:
        told = f"{plain} {values[0]:.1f} % of <strong>one seed: no spread, compare nothing</strong>"
    else:
        told = f"{plain} {mean(values):.1f} ± {stdev(values):.1f} % over {len(values)} seeds"
    if pairs := differences(shown, name, against=against, score=score):
        spread = f" ± {stdev(pairs):.1f}" if len(pairs) > 1 else ""
        ahead = sum(gain > 0 for gain in pairs)
        told += f"; over {against} {mean(pairs):+.1f}{spread} points in pairs, "
        told += f"ahead in {ahead} of {len(pairs)}"
    elif name != against and shown[against].runs:
        told += f"; no pairs with {against}: other seeds, or records of another version"
    if one.unsaid:
        few = ", ".join(one.unsaid[:4]) + (" ..." if len(one.unsaid) > 4 else "")
        told += f".<br>Records of an older version, which do not tell: {few}"
    return told
