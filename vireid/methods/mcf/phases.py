"""A schedule whose second stage has a learning rate of its own, falling in steps or as a cosine."""

from dataclasses import asdict, dataclass
from math import cos, pi

from vireid.methods.base import Schedule


@dataclass(frozen=True, kw_only=True)
class Phases(Schedule):
    """``Schedule`` with a rate for stage 2.

    Parameters
    ----------
    stage2_lr : learning rate at the start of stage 2
    lr_floor : where the cosine of each stage would end; None = steps at ``milestones``
    """

    stage2_lr: float
    lr_floor: tuple[float, float] | None = None

    def __post_init__(self):
        super().__post_init__()
        floors = (0, 0) if self.lr_floor is None else self.lr_floor
        if self.stage2_lr <= 0 or len(floors) != 2 or min(floors) < 0:
            raise ValueError(
                f"stage2_lr={self.stage2_lr}, lr_floor={self.lr_floor}: give a positive rate and "
                "two floors >= 0"
            )

    @classmethod
    def of(cls, schedule: Schedule, *, stage2_lr: float, lr_floor) -> "Phases":
        """Another schedule's epochs and first rate, with a second rate."""
        return cls(**asdict(schedule) | {"stage2_lr": stage2_lr, "lr_floor": lr_floor})

    def lr_at(self, epoch: int) -> float:
        """Learning rate of a 0-based epoch of the whole run; each stage starts afresh."""
        stage, e = self.stage_of(epoch)
        start = self.lr if stage == 1 else self.stage2_lr
        if self.lr_floor is None:
            return start * self.decay ** sum(e >= m for m in self.milestones)
        floor = min(self.lr_floor[stage - 1], start)
        return floor + (start - floor) * (1 + cos(pi * e / self.epochs[stage - 1])) / 2
