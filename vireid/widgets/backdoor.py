"""The backdoor in sight: SynthVI people in samples where modality and label are tied by a dial."""

from dataclasses import dataclass

import ipywidgets as W
import numpy as np
import torch
from torch.nn.functional import one_hot

from vireid import models
from vireid.clustering import prototypes
from vireid.data.synthvi import CAMERAS, WORLD, render
from vireid.features import extract
from vireid.losses import shared_prediction
from vireid.losses.causal import log_mixture
from vireid.plots import beliefs, canvas, sweep
from vireid.plots.pictures import caption, modality_frame, sheet
from vireid.types import Images, Modality
from vireid.widgets.panel import Drawing, Panel

TIES = tuple(i / 8 for i in range(9))
SIZE = (64, 32)
HALVES = (0, 50, 100)
RARE, MOVED = "right person, rare modality", "moved by do(modality)"
LEARNERS = {"shared memory": "observing", "own memory": "own_modality", "P(Y|do(X))": "doing"}


@dataclass(frozen=True)
class Answer:
    """Predictions (n, people) for the held-out pictures, learned from one sample.

    Parameters
    ----------
    observing : of one shared memory, a prototype per person, as the likelihood learns it (eq. 11)
    own_modality : P(Y | X): of both, where the picture's modality is known for sure (eq. 7)
    doing : P(Y | do(X)), both memories weighed by the prior (eq. 5)
    sample : (pictures,) rows that were learned from; prior : (2,) modalities among them
    banks : (ids, prototypes) of each modality's memory
    """

    observing: torch.Tensor
    own_modality: torch.Tensor
    doing: torch.Tensor
    sample: np.ndarray
    prior: torch.Tensor
    banks: list


class Backdoor:
    """Twin pictures of SynthVI people, from which samples of any tie between M and Y are drawn.

    Every shot exists in both modalities, thanks to ``do(modality=...)``; a sample holds each in
    one. Of the first half of the people a share of (1 + tie) / 2 is visible, of the others
    (1 - tie) / 2.

    Parameters
    ----------
    model : network; None = the small one with SynthVI's starting weights
    people, shots, held : persons; shots each to learn from, and held out; seed : the population

    Attributes
    ----------
    images : all twins, person by person; x : (n, d) their features; person, modality, shot : (n,)
    by_day : (people,) mostly visible; usual : (n,) the modality is that person's usual one
    test : rows of the held-out pictures; rare : (test,) of these in the rare modality
    """

    def __init__(
        self, model: torch.nn.Module | None = None, *, people: int = 8, shots: int = 16,
        held: int = 6, seed: int = 5,
    ):  # fmt: skip
        self.people, self.shots = people, shots
        keys = [(p, j, m) for p in range(people) for j in range(shots + held) for m in Modality]
        self.person, self.shot, self.modality = np.array(keys).T
        persons = [WORLD.person(p + 1, seed=seed) for p in range(people)]
        cameras = [WORLD.camera(number) for number in CAMERAS[Modality.VISIBLE]]
        pixels = [
            render(WORLD.shot(persons[p], cameras[j % 4], (seed, p + 1, j)).do(modality=m), SIZE)
            for p, j, m in keys
        ]
        self.images = Images(
            np.stack(pixels), self.modality, self.modality, self.person, SIZE, "twins"
        )
        model = models.build("small", weights="synthvi") if model is None else model
        self.x = extract(model, self.images).x
        self.test = np.flatnonzero(self.shot >= shots)
        self.by_day = np.arange(people) < people // 2
        self.usual = self.by_day[self.person] == (self.modality == Modality.VISIBLE)
        self.rare = ~self.usual[self.test]

    def sample(self, tie: float) -> np.ndarray:
        """Row numbers of a sample; ValueError for a tie outside [0, 1]."""
        if not 0 <= tie <= 1:
            raise ValueError(f"tie={tie}: 0 is no tie, 1 is one modality per person")
        share = np.where(self.by_day[self.person], (1 + tie) / 2, (1 - tie) / 2)
        visible = self.shot < np.round(share * self.shots)
        learned = self.shot < self.shots
        return np.flatnonzero(learned & (visible == (self.modality == Modality.VISIBLE)))

    def answer(self, tie: float, *, temperature: float = 0.05) -> Answer:
        """What is learned from the sample of a tie, asked about the held-out pictures."""
        rows, asked = self.sample(tie), self.x[self.test]
        person = torch.as_tensor(self.person)
        banks = []
        for own in Modality:
            of = rows[self.modality[rows] == own]
            ids, label = person[of].unique(return_inverse=True)
            banks.append((ids, prototypes(self.x[of], label)))
        prior = torch.as_tensor(np.bincount(self.modality[rows], minlength=2) / len(rows)).float()
        known = one_hot(torch.as_tensor(self.modality[self.test]), 2).float()
        shared = prototypes(self.x[rows], person[rows])
        options = {"temperature": temperature}
        return Answer(
            observing=shared_prediction(asked, shared, **options),
            own_modality=log_mixture(asked, banks, weight=known, **options).exp(),
            doing=log_mixture(asked, banks, weight=prior, **options).exp(),
            sample=rows,
            prior=prior,
            banks=banks,
        )

    def right(self, prediction: torch.Tensor) -> np.ndarray:
        """(n,) probability of the true person for each held-out picture."""
        truth = torch.as_tensor(self.person[self.test])
        return prediction.gather(1, truth[:, None])[:, 0].numpy()

    def usual_mass(self, prediction: torch.Tensor) -> np.ndarray:
        """(n,) probability given to people who are mostly seen in the picture's modality."""
        visible = self.modality[self.test] == Modality.VISIBLE
        usual = torch.as_tensor(self.by_day[None] == visible[:, None])
        return (prediction * usual).sum(1).numpy()

    def effect_of_modality(self, prediction: torch.Tensor) -> np.ndarray:
        """(n / 2,) total variation between the answers to the two twins of each held-out shot."""
        visible, infrared = prediction[0::2], prediction[1::2]  # rows alternate by modality
        return (visible - infrared).abs().sum(1).numpy() / 2

    def curves(self, answers: dict[float, Answer]) -> dict:
        """Quantity -> learner -> means over the held-out pictures for each tie, in per cent."""
        parts = {n: [getattr(a, f) for a in answers.values()] for n, f in LEARNERS.items()}
        right = {n: [100 * self.right(v)[self.rare].mean() for v in p] for n, p in parts.items()}
        moved = {n: [100 * self.effect_of_modality(v).mean() for v in p] for n, p in parts.items()}
        return {RARE: right, MOVED: moved}


def backdoor(world: Backdoor | None = None, *, tie: float = 0.75, person: int = 2) -> Panel:
    """A slider over the tie of modality and label: watching beside P(Y | do(X)) for two twins.

    Parameters
    ----------
    world : a ``Backdoor`` (default: a new one) ; tie, person : to begin with
    """
    world = world or Backdoor()
    answers = {t: world.answer(t) for t in TIES}
    curves = world.curves(answers)

    def draw(tie: float, person: int, curve: str) -> Drawing:
        return _draw(world, answers[tie], tie, person - 1, (curve, curves[curve]))

    wide = {"layout": W.Layout(width="330px")}
    start = min(TIES, key=lambda t: abs(t - tie))
    return Panel(
        draw,
        {
            "tie": W.SelectionSlider(
                options=[(f"{t:.0%}", t) for t in TIES], value=start, description="tie", **wide
            ),
            "person": W.IntSlider(person, 1, world.people, description="asked person", **wide),
            "curve": W.Dropdown(options=list(curves), description="curve", **wide),
        },
    )


def _draw(world: Backdoor, answer: Answer, tie: float, person: int, curve: tuple) -> Drawing:
    margins = {"left": 0.055, "right": 0.99, "bottom": 0.13, "top": 0.95, "wspace": 0.2}
    figure, (above, below) = canvas(3, 2, width=10.4, height=5.6, margins=margins | {"hspace": 0.6})
    names = [str(p + 1) for p in range(world.people)]
    _sample(world, answer.sample, above[0], names, f"the sample, tie {tie:.0%}")
    shot = np.flatnonzero(world.person[world.test] == person)[:2]  # twins stand side by side
    _twins(world, world.test[shot], below[0])
    told = []
    for ax, title, part in (
        (above[1], "shared memory", answer.observing), (above[2], "P(Y|do(X))", answer.doing)
    ):  # fmt: skip
        pair = {f"{m.word} twin": part[shot[m]] for m in Modality}
        beliefs(pair, ax, names=names, right=person, ylabel="p(label)", title=title)
        pair = [100 * float(v[person]) for v in pair.values()]
        told.append(f"{title} gives the right one {pair[0]:.0f} % and {pair[1]:.0f} %")
    quantity, lines = curve
    ax = _wide(below[1], below[2])
    sweep([100 * t for t in TIES], lines, ax, xlabel="tie (%)", ylabel="mean (%)",
          chosen=100 * tie, title=f"{quantity}, mean over all held-out shots")  # fmt: skip
    ax.set(ylim=(0, 103), xticks=HALVES, yticks=HALVES)
    at = TIES.index(tie)
    mean = ", ".join(f"{name} {values[at]:.0f} %" for name, values in lines.items())
    return figure, (
        f"Tie {tie:.0%} between modality and label. Person {person + 1} asked in visible light and "
        f"infrared: {'; '.join(told)}. {quantity}, mean over the held-out shots: {mean}."
    )


def _wide(first, last):
    """Give the place of both axes to the first."""
    left, right = first.get_position(), last.get_position()
    last.remove()
    first.set_position([left.x0, left.y0, right.x1 - left.x0, left.height])
    return first


def _sample(world: Backdoor, rows: np.ndarray, ax, names: list[str], title: str) -> None:
    counts = {
        f"{m.word} pictures": np.bincount(
            world.person[rows[world.modality[rows] == m]], minlength=world.people
        )
        for m in Modality
    }
    beliefs(counts, ax, names=names, stacked=True, ylabel="pictures", title=title)
    ax.set_xlabel("person = label", fontsize=9)


def _twins(world: Backdoor, rows: np.ndarray, ax) -> None:
    places = sheet(ax, [[world.images.picture(int(i)) for i in rows]], above=10)[0]
    for row, place in zip(rows, places, strict=True):
        modality_frame(ax, place, world.modality[row])
        caption(ax, place, "usual modality" if world.usual[row] else "rare modality", size=7)
    ax.set_title(f"asked: person {world.person[rows[0]] + 1}, twins", loc="left", fontsize=10)
