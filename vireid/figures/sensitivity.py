"""What is left of a score when people are missing on one side, or as the world's gap grows.

Points come from committed records (``vireid.evidence.dials``); before anything is trained,
associations alone can be asked.
"""

from collections.abc import Iterable, Mapping
from functools import cache

import numpy as np

from vireid import evidence, experiment, methods, plots, warm_start
from vireid.evidence.dials import DIALS, apart, lone, rank1, titled, turned
from vireid.features import extract
from vireid.figures.field import PANELS
from vireid.figures.mult import TABLE3
from vireid.figures.records import kept, noted
from vireid.figures.registry import drawing
from vireid.figures.titles import called
from vireid.papers import paper_table
from vireid.plots.base import INK
from vireid.widgets.scene import NAMES, Outcome, Scene, disturbed, outcomes, own_clusters

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
DRAWS = 3  # of who is missing
LONE = "lone images linked (%)"
GAPS = {1.0: "gap as the network sees it", 0.5: "gap halved"}
ALPHA = "share of people who miss a modality, alpha"
WORLD = {  # dial of the world -> title of its panel, words for its axis
    "modality_gap": ("the modality gap", "share of a cloth's infrared look that no colour tells"),
    "visible_only": ("cues that infrared lacks", DIALS["visible_only"]),
    "shots": ("few infrared pictures", DIALS["shots"]),
}


def _names(panels: Iterable[Mapping]) -> list[str]:
    """Every name once: what panels with one legend give to ``plots.dial``."""
    return list(dict.fromkeys(name for lines in panels for name in lines))


def _note(lines: Mapping) -> None:
    for points in lines.values():
        noted(points)


@drawing(
    "Rank-1, and the share of lone images that were linked all the same, over the share of "
    "training people who lost their visible or their infrared pictures. Above the rows of the "
    "table on equal terms. Below all other rows with records: MULT's with half as many steps of "
    "stage 2, with OCLR (half the steps), without it, without it by another association in the "
    "place of MULT's (in MULT; true partners are given the truth and do not exist where everybody "
    "is missing), and with no association at all (its stage 1 prolonged); PGM and ADCA, each with "
    "the other's pairs. A thin line spans a share that was not trained, one that ends early was "
    "not trained further; who gives no labels across has no line on the right. Mean and range over "
    "seeds.",
    of_any=False,
)
def people_missing():
    """Rank-1 and lone images over absence, from records."""
    records = kept()
    groups = {
        f"{data}: {words}": group
        for data, lines in turned(records, "absent").items()
        for words, group in zip(
            ("on equal terms", "other rows"),
            apart(lines, evidence.read().equal, records),
            strict=True,
        )
        if group
    }
    if not groups:
        return None
    names = _names(map(called, groups.values()))
    figure, axes = plots.canvas(2, len(groups), width=11.0, height=0.4 + 3.4 * len(groups))
    for row, (title, lines) in zip(np.atleast_2d(axes), groups.items(), strict=True):
        lines = called(lines)
        look = {"xlabel": DIALS["absent"], "title": title, "names": names}
        _note(lines)
        plots.dial(rank1(lines), row[0], ylabel="rank-1 (%)", **look)
        if linked := lone(lines):
            plots.dial(linked, row[1], ylabel=LONE, **look).set_ylim(-3, 103)
        else:
            row[1].set_axis_off()
        handles = row[0].get_legend_handles_labels()
        row[1].legend(
            *handles, fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5)
        )
    plots.share_limits(np.atleast_2d(axes)[:, 0])
    return figure


@drawing(
    "What MULT gains in rank-1 with each association in its place, without OCLR but for the last "
    "two panels, over its stage 1 prolonged, which pairs nobody and lost the same people; by the "
    "share of people missing on one side. The last but one has OCLR alone: MULT's labels, "
    "without the losses IM and CM. True partners do not exist where everybody is missing. Mean and "
    "range over seeds; differences of two or three points are chance (`docs/results.md` judges "
    "each).",
    of_any=False,
)
def pairing_worth():
    """What a pairing adds to pairing nobody, a panel an association, from records."""
    told = evidence.gains_beside(evidence.read(), kept())
    gains = {name: by for rows in told.values() for name, by in rows.items() if by}
    if not gains:
        return None
    columns = min(len(gains), 6)
    figure, axes = plots.canvas(columns, -(-len(gains) // columns), width=11.0, height=4.3)
    axes = np.ravel(axes)
    for i, (ax, (name, by)) in enumerate(zip(axes, gains.items(), strict=False)):
        noted({share: one.seeds for share, one in by.items()})
        points = {share: one.points for share, one in by.items()}
        said = "" if i % columns else "gain (points)"
        look = {"xlabel": "share missing", "ylabel": said, "title": name}
        plots.dial({name: points}, ax, **look, names=gains).axhline(0, color=INK, lw=0.8)
    for ax in axes[len(gains) :]:
        ax.remove()
    plots.share_limits(axes[: len(gains)], x=True)
    return figure


@drawing(
    "Rank-1 on SynthVI as one dial of the world is turned: how much of a cloth's infrared look no "
    "colour tells, how many people have cues that infrared lacks, how few infrared pictures there "
    "are. Mean and range over seeds, their number on the axis: n = 1 is one seed, no spread. "
    "A panel for each dial with records. Rows of the table on equal terms have their "
    "titles there; MULT and MCF were trained here for half as many steps of stage 2. Rows that "
    "were not turned as far as the others are left out; a thin line spans a value that was not "
    "trained.",
    of_any=False,
)
def world_dials():
    """Rank-1 over the world's dials, from records."""
    records, equal = kept(), evidence.read().equal
    found = {
        (dial, data): called(_to_the_end(titled(lines, equal, records)))
        for dial in WORLD
        for data, lines in turned(records, dial).items()
    }
    if not found:
        return None
    figure, axes = plots.canvas(len(found), width=1.0 + 4.0 * len(found), height=3.5)
    names = _names(found.values())
    for ax, ((dial, data), lines) in zip(np.atleast_1d(axes), found.items(), strict=True):
        title, words = WORLD[dial]
        look = {"xlabel": words, "ylabel": "rank-1 (%)", "title": f"{data}: {title}"}
        _note(lines)
        plots.dial(rank1(lines), ax, names=names, **look)
    plots.share_limits(figure.axes)
    plots.share_legend(figure, columns=5)
    return figure


def _to_the_end(lines: Mapping) -> dict:
    """The lines that reach from the least value of all to the largest."""
    ends = min(map(min, lines.values())), max(map(max, lines.values()))
    return {name: by for name, by in lines.items() if (min(by), max(by)) == ends}


def published(**where: str) -> dict[str, dict[float, list[float]]]:
    """Method -> share of people missing -> its published rank-1 in per cent, a list of one.

    ``where`` : dataset and mode. Source: SMC, arXiv 2609.34294, Table 2, by ``data/papers.csv``.
    """
    found: dict[str, dict[float, list[float]]] = {}
    for row in paper_table(paper="SMC", table="Table 2", metric="rank1", **where):
        share = float(row["note"].removeprefix("alpha="))
        found.setdefault(row["method"], {})[share] = [float(row["value"])]
    return found


@drawing(
    "Published rank-1 of five methods over the share of people who miss a modality (SMC, arXiv "
    "2609.34294, Table 2: every method trained on its splits, one number each); on RegDB of four, "
    "for its table has no row of DLM there. None was measured here, and its alpha replaces people "
    "where `--absent` takes pictures away: compare the slopes.",
    of_any=False,
)
def published_absence():
    """SMC's Table 2 as lines: SYSU-MM01 and RegDB."""
    figure, axes = plots.canvas(2, width=10.0, height=4.0)
    lines = {title: published(**where) for title, where in PANELS.items()}
    names = _names(lines.values())
    for ax, (title, own) in zip(axes, lines.items(), strict=True):
        look = {"xlabel": ALPHA, "ylabel": "rank-1 (%)", "title": title}
        plots.dial(own, ax, names=names, **look)
    plots.share_limits(axes)
    plots.share_legend(figure, columns=5)
    return figure


def asked(scene: Scene, method, shares: Iterable[float] = SHARES, **dials) -> dict:
    """Share of people missing -> outcomes of every association, one dict a draw.

    ``dials`` go to ``widgets.disturbed``; ``method`` is a MULT method with the settings.
    """
    return {
        share: [
            outcomes(disturbed(scene, absent=share, seed=seed, **dials), method)
            for seed in range(DRAWS if share else 1)
        ]
        for share in shares
    }


def qualities(drawn: dict[float, list[dict[str, Outcome]]]) -> dict:
    """Measure -> association -> share missing -> per cent of each draw, for ``plots.dial``."""
    names = {"precision": "pair precision (%)", "recall": "pair recall (%)", "lone": LONE}
    return {
        words: {
            name: {
                share: values
                for share, draws in drawn.items()
                if np.isfinite(values := [100 * getattr(one[name], key) for one in draws]).all()
            }
            for name in NAMES
        }
        for key, words in names.items()
    }


@cache
def tiny_scene() -> tuple[Scene, methods.base.Method]:
    """SynthVI tiny after MULT's stage 1 with its clusters, and the settings."""
    world = experiment.prepare("synthvi", preset="tiny", trials=1)
    model, _ = warm_start.stage_one(world, method="mult")
    setting = methods.build("mult", preset="tiny", otla_steps=100)
    features = extract(model, world.train)
    return Scene(features, own_clusters(features, setting)), setting


@drawing(
    "Before any training of stage 2: pair precision, pair recall and the share of lone images that "
    "each association links, over the share of people missing on one side. SynthVI tiny, 20 people "
    "after MULT's stage 1 (seed 0), mean and range over 3 draws of who is missing; above the "
    "gap as the network sees it, below the gap halved. Lines of who links everybody coincide at "
    "100 %. Where everybody is missing on one side, no pair is right: precision is 0 by "
    "definition, and recall has no value.",
    of_any=False,
)
def association_absence():
    """Eight associations over absence, without a training."""
    scene, setting = tiny_scene()
    figure, axes = plots.canvas(3, 2, width=11.0, height=6.4)
    for row, gap in zip(axes, GAPS, strict=True):
        measured = qualities(asked(scene, setting, gap=gap))
        for ax, (words, lines) in zip(row, measured.items(), strict=True):
            look = {"xlabel": DIALS["absent"], "title": GAPS[gap]}
            lines = {TABLE3[name]: shares for name, shares in lines.items()}
            plots.dial(lines, ax, ylabel=words, **look)
            ax.set_ylim(-3, 103)
    plots.share_limits(figure.axes, x=True)
    plots.share_legend(figure, columns=8)
    return figure
