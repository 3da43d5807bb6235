"""A world small enough for a test: people are vertical colour patterns, infrared is a dim copy."""

import time

import numpy as np
import torch

from vireid.bench import panels
from vireid.models import Output
from vireid.models.attention import PACBAM
from vireid.models.parts import BNNeck
from vireid.retrieval_task import retrieval_task
from vireid.types import Images


def images(people: int = 6, per: int = 6, *, seed: int = 0, gap: float = 40.0) -> Images:
    """``people`` x ``per`` pictures in each modality, 16 x 8 pixels, two cameras a modality."""
    rng = np.random.default_rng(seed)
    looks = rng.integers(40, 215, size=(people, 16, 1, 1))
    pixels, modality, camera, identity = [], [], [], []
    for m in (0, 1):
        for person in range(people):
            for i in range(per):
                tint = np.array([1.0, 0.9, 0.8]) if m == 0 else np.ones(3)
                clean = looks[person] * tint - gap * m
                noisy = clean + rng.normal(0, 4, size=(16, 8, 3))
                pixels.append(np.clip(noisy, 0, 255).astype(np.uint8))
                modality.append(m)
                camera.append((1, 2)[i % 2] if m == 0 else (3, 6)[i % 2])
                identity.append(person)
    return Images(np.stack(pixels), modality, camera, identity, size=(16, 8), name="toy")


def test_of(table: Images):
    """Infrared queries against all visible pictures."""
    return retrieval_task(
        table.rows(table.modality == 1), [table.rows(table.modality == 0)], "regdb"
    )


test_of.__test__ = False


class Net(torch.nn.Module):
    """Row means through one linear layer and a BN neck; one bias per modality."""

    dim = 12

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(48, self.dim)
        self.bias = torch.nn.Parameter(torch.zeros(2, self.dim))
        self.neck = torch.nn.BatchNorm1d(self.dim)

    def forward(self, pictures: torch.Tensor, modality: torch.Tensor) -> Output:
        """(b, 3, 16, 8) -> Output with x (b, 12)."""
        rows = pictures.mean(3).flatten(1)
        return Output(self.neck(self.linear(rows) + self.bias[modality]))


def net(seed: int = 0) -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Net()


class RegionNet(Net):
    """The toy network with three regions of four numbers and PA-CBAM over its rows."""

    regions = 3

    def __init__(self):
        super().__init__()
        self.attention = PACBAM(3, parts=2, reduction=3)
        self.neck = BNNeck(self.dim)
        self.register_buffer("attend", torch.tensor(True))

    def forward(self, pictures, modality):
        """(b, 3, 16, 8) -> Output with x (b, 12), tokens (b, 3, 4), attention (b, 3)."""
        rows, channel = pictures.mean(3, keepdim=True), None
        if self.attend:
            rows, channel, _ = self.attention(rows)
        tokens = (self.linear(rows.flatten(1)) + self.bias[modality]).unflatten(1, (3, 4))
        return Output(self.neck(tokens.flatten(1)), tokens, channel)


def region_net(seed: int = 0) -> RegionNet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return RegionNet()


def charts_of(step, steps: int = 7) -> float:
    """Median work of ``step(i)`` in plain charts, one of which is drawn right before each step.

    A ratio, as seconds tell how busy the machine is; ``vireid bench --only panel`` tells seconds.
    """

    def seconds(work) -> float:
        start = time.thread_time()
        work()
        return time.thread_time() - start

    charts = []
    for i in range(steps):
        one = seconds(panels.chart)
        charts.append(seconds(lambda i=i: step(i)) / one)
    return float(np.median(charts))
