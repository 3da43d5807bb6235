"""A world of 36 images and a network of two layers, in double precision, for the flows' tests."""

from itertools import islice

import torch
from torch.nn.functional import normalize

from vireid import methods
from vireid.models import Output
from vireid.types import Embeddings, Modality

V, R = Modality.VISIBLE, Modality.INFRARED
IDENTITY = torch.cat([torch.arange(4).repeat_interleave(5), torch.arange(4).repeat(4)])
MODALITY = torch.tensor([0] * 20 + [1] * 16)
# clusters within the modalities: person 0 is two visible ones (0 and 4); -1 outliers
OWN = {V: [0, 0, 4, 4, -1, *[1] * 5, *[2] * 5, *[3] * 5], R: [*[2, 0, 3, 1] * 3, 2, 0, -1, 1]}


def pictures() -> torch.Tensor:
    """(2 views, 36 images, 10) numbers around those of each person."""
    dice = torch.Generator().manual_seed(1)
    person = torch.randn(4, 10, generator=dice, dtype=torch.float64)
    noise = torch.randn(2, 36, 10, generator=dice, dtype=torch.float64)
    return person[IDENTITY] + 0.4 * noise + 0.5 * MODALITY[:, None]


PICTURES = pictures()


def network() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = torch.nn.Linear(10, 16), torch.nn.Tanh(), torch.nn.Linear(16, 8)
        return torch.nn.Sequential(*layers).double()


def features(net) -> torch.Tensor:
    """Unit features (36, 8) of the plain pictures."""
    return normalize(net(PICTURES[0])).detach()


def own_labels(batch, own: Modality, at: torch.Tensor) -> torch.Tensor:
    """Labels of positions of a batch that are all of one modality."""
    return torch.tensor(OWN[own])[batch.rows[at] - (20 if own == R else 0)]


def views(batch, own: Modality, order: str) -> torch.Tensor:
    """Positions of a modality's views, in the order of writing."""
    where = {"v": (V, 0), "a": (V, 1), "r": (R, 0)}
    return torch.cat([batch.of(*where[k]) for k in order if where[k][0] == own])


def begun(name: str, epoch: int, **switches):
    """(method with its memories, network, two iterations' batches) of an epoch."""
    method, net = methods.build(name, **switches), network()
    method.start(net, seed=4)
    method.cluster_own = lambda x, own, epoch: torch.tensor(OWN[own]).numpy()
    train = Embeddings(features(net), MODALITY, MODALITY)
    labels = method.relabel(train, epoch)
    batches = list(islice(method.batches(labels, epoch), 2))
    return method, net, [b if isinstance(b, tuple) else (b,) for b in batches]


def forward(net, batch) -> torch.Tensor:
    return net(PICTURES[torch.as_tensor(batch.view), torch.as_tensor(batch.rows)])


def ours(method, net, batches, epoch: int) -> list:
    """Per step: losses by name of modality, gradients. In the end the memories."""
    optimiser, seen = torch.optim.SGD(net.parameters(), lr=0.05), []
    for batch in batches:
        given = batch if len(batch) > 1 else batch[0]
        for terms in method.losses(given, lambda b: Output(forward(net, b)), epoch):
            optimiser.zero_grad()
            sum(terms.values()).backward()
            seen.append([torch.stack(list(terms.values())).detach(), *gradients(net)])
            optimiser.step()
    extra = [method.global_memory] if hasattr(method, "global_memory") else []
    return [*seen, [rows(memory) for memory in [*method.memories.values(), *extra]]]


def gradients(net) -> list[torch.Tensor]:
    return [p.grad.clone() for p in net.parameters()]


def rows(memory) -> torch.Tensor:
    """A memory's rows, the hard bank under the mean one."""
    return torch.cat([memory.mean, memory.hard]) if hasattr(memory, "mean") else memory.prototypes


def agree(first: list, second: list, to: float = 1e-9) -> bool:
    """Whether two lists of lists of tensors are the same."""
    assert [len(a) for a in first] == [len(b) for b in second]
    pairs = [p for a, b in zip(first, second, strict=True) for p in zip(a, b, strict=True)]
    return all(torch.allclose(a, b, rtol=0, atol=to) for a, b in pairs)
