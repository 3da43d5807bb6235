"""What two equal trainings differ by, and gains over seeds beside it."""

from dataclasses import dataclass

import numpy as np

from vireid.evidence.texts import gains_by_seed
from vireid.runs import Run, gained


@dataclass(frozen=True)
class Chance:
    """Points of rank-1 by which two equal trainings differ, root mean square; 0 = not measured.

    Parameters
    ----------
    same : of two that go on from the same stage 1
    whole : of two that train it themselves; ``same`` stands for it where it was not measured
    """

    same: float = 0.0
    whole: float = 0.0

    def of(self, own: Run, base: Run) -> float:
        """Of a pair that is compared: ``same`` only where both went on from the same weights."""
        shared = same_start(own, base) and not (trained_whole(own) or trained_whole(base))
        return self.same if shared else self.whole or self.same


@dataclass(frozen=True)
class Gain:
    """What a row adds to another, seed by seed.

    Parameters
    ----------
    seeds : that both have
    points : of rank-1, in these seeds
    told : the same as text, † where a CPU trained one end and a GPU the other
    chance : points that chance alone makes in a seed, root mean square over the pairs
    """

    seeds: list[int]
    points: list[float]
    told: str
    chance: float

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(np.mean(self.points))

    @property
    def level(self) -> bool:
        """Whether the mean is no more than chance: within two standard errors of ``chance``."""
        return abs(self.mean) < 2 * self.chance / len(self.points) ** 0.5

    @property
    def ahead(self) -> bool:
        """Whether every seed gains, and the mean more than chance."""
        return min(self.points) > 0 and not self.level

    @property
    def behind(self) -> bool:
        """Whether every seed loses, and the mean more than chance."""
        return max(self.points) < 0 and not self.level


def gain(own: list[Run], base: list[Run], chance: Chance) -> Gain:
    """The gain of one row's records over another's; without seeds in common it has no points."""
    start = {run.seed: run for run in base}
    both = [run for run in own if run.seed in start]
    sizes = [chance.of(run, start[run.seed]) for run in both]
    size = float(np.sqrt(np.mean(np.square(sizes)))) if sizes else 0.0
    return Gain([run.seed for run in both], gained(own, base), gains_by_seed(own, base), size)


def same_start(own: Run, base: Run) -> bool:
    """Whether two runs began from the same weights."""
    began = [run.identity.get("network", {}).get("weights") for run in (own, base)]
    return began[0] == began[1]


def trained_whole(run: Run) -> bool:
    """Whether a run trained a stage 1 and a stage 2."""
    return 0 not in run.config.get("epochs", [0])
