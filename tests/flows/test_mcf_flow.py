"""MCF's steps beside plain loops in the order of TokenMatcher's released trainer.

Everything from the matching to the memories is written out here a second time, sample by sample,
and both are led through two iterations of each stage: losses, gradients and memories must agree.
"""

import copy

import numpy as np
import pytest
import torch
import toy
from plain import Bank, means
from torch.nn.functional import cross_entropy, normalize

from vireid import methods
from vireid.association import local_clusters
from vireid.types import Embeddings, Modality

TAU = 0.05
REGIONS = toy.RegionNet.regions
SMALL = {
    "epochs": (1, 2), "iterations": 2, "k1": 6, "k2": 2, "min_samples": 2, "identities": 4,
    "infrared_identities": 4, "instances": 3, "rho": 0.5, "classifier": "light", "eps": 0.6,
}  # fmt: skip


class Moving(torch.autograd.Function):
    """Logits whose backward pass reads the rows as they are by then, and afterwards moves them."""

    @staticmethod
    def forward(ctx, x, label, bank):
        ctx.save_for_backward(x, label)
        ctx.bank = bank
        return x @ bank.rows.T

    @staticmethod
    def backward(ctx, grad):
        x, label = ctx.saved_tensors
        back = grad @ ctx.bank.rows
        ctx.bank.write(x, label)
        return back, None, None


class Loops:
    """One network led by plain loops; ``moves`` as the method's."""

    def __init__(self, model, moves):
        self.model, self.moves, self.calls = model, moves, []

    def contrast(self, x, label, bank, share=None):
        """Mean (or shared-out) surprise at a row of the bank; the call is noted, to be written."""
        x = normalize(x)
        if self.moves == "during":
            logits = Moving.apply(x, label, bank)
        else:
            logits = x @ bank.rows.clone().T
            self.calls.append((bank, x, label))
        if share is None:
            return cross_entropy(logits / TAU, label)
        return (share * cross_entropy(logits / TAU, label, reduction="none")).sum()

    def written(self):
        """Memories held during the step move now: the last call of the forward pass first."""
        for bank, x, label in reversed(self.calls):
            bank.write(x.detach(), label)
        self.calls = []


def diversity(tokens):
    total = 0
    for image in tokens:
        pairs = []
        for a in range(len(image)):
            for b in range(a + 1, len(image)):
                pairs.append((normalize(image[a], dim=0) @ normalize(image[b], dim=0)).abs())
        pairs = torch.stack(pairs)
        total = total + (pairs.exp() / pairs.exp().sum() * pairs).sum()
    return total / len(tokens)


def neighbours(x, sets, bank, divide_by_rows=False):
    total, count = 0, 0
    for f, own in zip(normalize(x), sets, strict=True):
        logits = (bank @ f) / TAU
        for j in own:
            total = total + torch.logsumexp(logits, 0) - logits[j]
            count += 1
    return total / (len(x) if divide_by_rows else count)


def near(own, other, rho):
    """Row by row: who exceeds rho times the row's best in every region."""
    found, width = [], own.shape[1] // REGIONS
    for f in own:
        kept = set(range(len(other)))
        for n in range(REGIONS):
            part = slice(n * width, (n + 1) * width)
            s = other[:, part] @ f[part]
            kept &= set((s > rho * s.max()).nonzero().flatten().tolist())
        found.append(sorted(kept))
    return found


def same_camera_struck(sets, camera, local):
    return [
        [j for j in own
         if camera[j] != camera[i] or local[j] == local[i] or -1 in (local[i], local[j])]
        for i, own in enumerate(sets)
    ]  # fmt: skip


def greedy(similarity, cap):
    """Rows (the side with more clusters) to columns: ({row: column}, {column: [rows]})."""
    of_row, of_column = {}, {}

    def best(cost, book):
        row, column = np.unravel_index(cost.argmax(), cost.shape)
        if len(of_column.get(column, [])) < cap:
            book[row] = column
            of_column.setdefault(column, []).append(row)
            cost[row] = -1000
        else:
            cost[row, column] = -1000

    cost = similarity.copy()
    while len(of_row) < len(cost):
        best(cost, of_row)
    cost = similarity.copy()
    cost[:, list(of_column)] = -1000
    while len(of_column) < cost.shape[1]:
        best(cost, {})
    return of_row, of_column


class World:
    """One epoch of a method and the same epoch in plain loops."""

    def __init__(self, preset, *, stage=1, epoch=0, moves="after", people=(8, 4), **changes):
        changes = SMALL | {"epochs": (1, 0) if stage == 1 else (0, 2)} | changes
        self.method = methods.build("mcf", preset=preset, moves=moves, **changes)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            net = toy.RegionNet().double()
        table = toy.images(people=max(people), per=8)
        self.table = table.rows(table.identity < np.array(people)[table.modality])
        self.method.start(net, 1)
        if self.method.maal:
            self.method.adversary.classifier.double()
        self.net, self.epoch = net, epoch
        self.features = self.embed(net)
        self.labels = self.method.relabel(self.features, epoch)
        self.loops = Loops(copy.deepcopy(net), moves)

    def embed(self, net):
        pictures = torch.as_tensor(self.table.source).permute(0, 3, 1, 2).double() / 255
        with torch.no_grad():
            x = net.eval()(pictures, torch.as_tensor(self.table.modality)).x
        net.train()
        return Embeddings(normalize(x), self.table.modality, self.table.camera)

    def pictures(self, batch, seed):
        """Noisy pictures, channel 0 alone in augmented ones."""
        rng = np.random.default_rng(seed)
        x = np.asarray(self.table.source)[batch.rows].transpose(0, 3, 1, 2) / 255
        x = x + rng.normal(0, 0.02, x.shape)
        second = (batch.view == 1) & (batch.modality == 0)
        x[second] = x[second][:, :1]
        return torch.as_tensor(x)

    def batches(self):
        return list(self.method.batches(self.labels, self.epoch))

    def step(self, batch, pictures):
        """The method's own step: {term: value}, total; gradients are left on the network."""
        modality = torch.as_tensor(batch.modality).long()
        inner = self.method.losses(batch, lambda _: self.net(pictures, modality), self.epoch)
        terms = next(inner)
        self.net.zero_grad()
        sum(terms.values()).backward()
        gradients = [p.grad for p in self.net.parameters()]
        descend(self.net)
        assert next(inner, None) is None
        return float(sum(terms.values()).detach()), gradients


def descend(net):
    with torch.no_grad():
        for p in net.parameters():
            if p.grad is not None:
                p -= 0.02 * p.grad


def split(batch):
    """Visible rows, plain then augmented, and infrared rows of a batch: the released cat."""
    plain, augmented = batch.of(Modality.VISIBLE, 0), batch.of(Modality.VISIBLE, 1)
    visible = torch.cat([torch.as_tensor(plain), torch.as_tensor(augmented)])
    assert (batch.rows[plain] == batch.rows[augmented]).all()
    return visible, torch.as_tensor(batch.of(Modality.INFRARED))


def agree(plain_loss, plain_net, banks, loss, gradients):
    assert loss == pytest.approx(plain_loss, rel=1e-6)
    for a, p in zip(gradients, plain_net.parameters(), strict=True):
        assert (a is None) == (p.grad is None)
        if a is not None:
            torch.testing.assert_close(a, p.grad, rtol=1e-6, atol=1e-6)
    for memory, bank in banks:
        torch.testing.assert_close(memory.prototypes, bank.rows, rtol=1e-6, atol=1e-6)


MOVES = pytest.mark.parametrize("moves", ["after", "during"])


class Second:
    """What the released code prepares for an epoch of stage 2, by loops."""

    def __init__(self, sides, cap):
        self.x, self.y = [s.x for s in sides], [s.label for s in sides]
        camera = [s.camera.tolist() for s in sides]
        centres = [means(x, y) for x, y in zip(self.x, self.y, strict=True)]
        self.own = [Bank(c, 0.2) for c in centres]
        self.similarity = torch.exp(centres[0] @ centres[1].T).numpy()
        self.match(cap)
        self.cross = [
            torch.tensor([-1 if k < 0 else int(first[k]) for k in y.tolist()])
            for y, first in zip(self.y, self.first, strict=True)
        ]
        self.mix = [self.mixed(m) for m in (0, 1)]
        within = [self.within(x, c) for x, c in zip(self.x, camera, strict=True)]
        across = [near(self.x[m], self.x[1 - m], SMALL["rho"]) for m in (0, 1)]
        self.sets = {"vv": within[0], "rr": within[1], "vr": across[0], "rv": across[1]}

    def mixed(self, m):
        """A modality's clusters pooled with the images matched to them."""
        x, y = torch.cat([self.x[m], self.x[1 - m]]), torch.cat([self.y[m], self.cross[1 - m]])
        return Bank(means(x, y), 0.8)

    def within(self, x, camera):
        cut = {k: SMALL[k] for k in ("k1", "k2", "min_samples")}
        local = local_clusters(x, torch.tensor(camera), **cut).tolist()
        return same_camera_struck(near(x, x, SMALL["rho"]), camera, local)

    def match(self, cap):
        """First partners of both sides, and the side with more clusters."""
        self.more = int(self.similarity.shape[1] > self.similarity.shape[0])
        one, self.lists = greedy(self.similarity.T if self.more else self.similarity, cap)
        self.one = one
        firsts = {k: rows[0] for k, rows in self.lists.items()}
        self.first = [firsts, one] if self.more else [one, firsts]

    def mates(self, label, epoch):
        """Rows whose turn it is in a pair of clusters with one partner, and the other cluster."""
        row, target = [], []
        for i, y in enumerate(label.tolist()):
            pair = self.lists[self.one[y]]
            if len(pair) == 2 and y == pair[epoch % 2]:
                row.append(i)
                target.append(int(pair[1 - epoch % 2]))
        return row, torch.tensor(target)

    def group(self, m, y):
        """All clusters of a modality with the first partner of y, the most similar first."""
        first, s = self.first[m], self.similarity.T if m else self.similarity
        found = [k for k in range(len(s)) if first[k] == first[y]]
        return sorted(found, key=lambda k: -s[k, first[y]])


class Seen:
    """A batch as the trainer holds it: visible plain then augmented rows, and infrared rows."""

    def __init__(self, world, second, batch, out):
        self.at = split(batch)
        self.x, self.y = [out.x[a] for a in self.at], [batch.label[a] for a in self.at]
        self.tokens = [out.tokens[a] for a in self.at]
        self.attention = [None if out.attention is None else out.attention[a] for a in self.at]
        self.place = [world.method.place[batch.rows[a]] for a in self.at]
        self.cross = second and [second.cross[m][self.place[m]] for m in (0, 1)]

    def neighbours(self, name, second, by_rows):
        query, target = ("vr".index(letter) for letter in name)
        sets = [second.sets[name][i] for i in self.place[query].tolist()]
        return neighbours(self.x[query], sets, second.x[target], by_rows)

    def shared(self, loops, second):
        """Own contrast, then (returned apart) the crossing one, as the forward pass calls them."""
        own = loops.contrast(self.x[1], self.y[1], second.mix[1])
        own = own + loops.contrast(self.x[0], self.y[0], second.mix[0])
        cross = loops.contrast(self.x[1], self.cross[1], second.mix[0])
        return own, cross + loops.contrast(self.x[0], self.cross[0], second.mix[1])


def stage_1(world, loss_of):
    """Lead method and loops through two batches of stage 1: contrast, and ``loss_of`` a batch."""
    sides, loops = [world.method.sides[m] for m in Modality], world.loops
    banks = [Bank(means(side.x, side.label), 0.2) for side in sides]
    pairs = [(side.memory, bank) for side, bank in zip(sides, banks, strict=True)]
    for i, batch in enumerate(world.batches()):
        pictures = world.pictures(batch, i)
        out = loops.model(pictures, torch.as_tensor(batch.modality).long())
        seen = Seen(world, None, batch, out)
        loss = loops.contrast(seen.x[1], seen.y[1], banks[1])
        loss = loss + loops.contrast(seen.x[0], seen.y[0], banks[0]) + loss_of(seen)
        loops.model.zero_grad()
        loss.backward()
        loops.written()
        agree(float(loss.detach()), loops.model, pairs, *world.step(batch, pictures))
        descend(loops.model)


@MOVES
def test_stage_1_is_the_released_trainers(moves):
    stage_1(World("official", moves=moves), lambda seen: sum(map(diversity, seen.tokens)))


@MOVES
def test_the_papers_stage_1(moves):
    world = World("paper", moves=moves)
    game = Game(world.method.adversary.classifier)
    stage_1(world, lambda seen: 0.1 * same_within(seen) + game(seen))


def tokenmatcher(loops, second, seen, epoch):
    """Loss of the released stage 2, and how many rows merge."""
    own, cross = seen.shared(loops, second)
    loss = own + 0.4 * cross + sum(diversity(t) for t in seen.tokens)
    for name in ("rr", "vv", ("vr", "rv")[epoch % 2]):
        loss = loss + 0.5 * seen.neighbours(name, second, by_rows=False)
    more = second.more
    row, target = second.mates(seen.y[more], epoch)
    if row:
        loss = loss + 0.03 * loops.contrast(seen.x[more][row], target, second.own[more])
    return loss, len(row)


def paper(loops, second, seen, epoch):
    """Loss of MCF's stage 2 but for MAAL, and how many rows merge."""
    own, cross = seen.shared(loops, second)
    loss, merged = own + 0.4 * cross, 0
    loss = loss + 0.1 * same_within(seen)
    for name in ("vv", "rr", "vr", "rv"):
        loss = loss + 0.5 * seen.neighbours(name, second, by_rows=True)
    for m, delta in ((0, 0.6), (1, 0.4)):
        row, target, share = [], [], []
        for i, y in enumerate(seen.y[m].tolist()):
            group = second.group(m, y)
            if len(group) > 1 and group[epoch % len(group)] == y:
                others = [k for k in group if k != y]
                row += [i] * len(others)
                target += others
                share += [1 / len(others)] * len(others)
        if row:
            share = torch.tensor(share) / len(set(row))
            pulled = loops.contrast(seen.x[m][row], torch.tensor(target), second.own[m], share)
            loss = loss + 0.03 * delta * pulled
        merged += len(row)
    return loss, merged


def same_within(seen):
    """The mean of both modalities' spread of channel weights."""
    return sum(alike(*pair) for pair in zip(seen.attention, seen.y, strict=True)) / 2


def alike(attention, label):
    """Spread of channel weights within identities over that plus the spread between them."""
    means = {y: attention[label == y].mean(0) for y in label.unique().tolist()}
    within = sum(
        (a - means[y]).square().sum() for a, y in zip(attention, label.tolist(), strict=True)
    )
    within = within / attention.numel()
    between = sum((a - b).square().sum() for a in means.values() for b in means.values())
    between = between / (len(means) * (len(means) - 1) * attention.shape[1])
    return within / (within + between + 1e-6)


def stage_2(world, second, loss_of, epoch, game=None):
    """Lead method and loops through the epoch's batches; returns how many rows merged."""
    loops, method, merged = world.loops, world.method, 0
    banks = [(method.links.shared[m], second.mix[m]) for m in Modality]
    banks += [(method.sides[m].memory, second.own[m]) for m in Modality]
    for memory, bank in banks:
        torch.testing.assert_close(memory.prototypes, bank.rows)
    for i, batch in enumerate(world.batches()):
        pictures = world.pictures(batch, i)
        out = loops.model(pictures, torch.as_tensor(batch.modality).long())
        seen = Seen(world, second, batch, out)
        loss, rows = loss_of(loops, second, seen, epoch)
        if game:
            loss = loss + game(seen)
        loops.model.zero_grad()
        loss.backward()
        loops.written()
        agree(float(loss.detach()), loops.model, banks, *world.step(batch, pictures))
        descend(loops.model)
        merged += rows
    return merged


@MOVES
@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("people", [(8, 5), (5, 8)])
def test_stage_2_is_the_released_trainers(moves, epoch, people):
    world = World("official", stage=2, epoch=epoch, moves=moves, people=people)
    second = Second([world.method.sides[m] for m in Modality], cap=2)
    assert stage_2(world, second, tokenmatcher, epoch), "nobody merged: the test saw too little"


class Game:
    """MAAL by loops: the classifier's own step on fixed features, then its view as it now is."""

    def __init__(self, classifier):
        self.classifier = copy.deepcopy(classifier).train()
        self.optimiser = torch.optim.SGD(
            self.classifier.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4
        )

    def __call__(self, seen):
        n = len(seen.x[0]) // 2
        parts = [(seen.x[0][:n], 0), (seen.x[1], 1), (seen.x[0][n:], 2)]
        x = torch.cat([part for part, _ in parts])
        sizes = [len(part) for part, _ in parts]
        told = self.classifier(x.detach()).split(sizes)
        self.optimiser.zero_grad()
        sum(self.surprise(t, m) for t, (_, m) in zip(told, parts, strict=True)).backward()
        self.optimiser.step()
        fixed = copy.deepcopy(self.classifier)
        return 0.1 * sum(self.surprise(t, 2) for t in fixed(x).split(sizes))

    def surprise(self, logits, modality):
        return cross_entropy(logits, torch.full((len(logits),), modality))


@MOVES
@pytest.mark.parametrize("epoch", [0, 1])
def test_the_papers_stage_2(moves, epoch):
    world = World("paper", stage=2, epoch=epoch, moves=moves, people=(8, 4))
    second = Second([world.method.sides[m] for m in Modality], cap=3)
    game = Game(world.method.adversary.classifier)
    assert stage_2(world, second, paper, epoch, game), "nobody merged: the test saw too little"


def memories(**changes):
    """What the memories of stage 2 hold after an epoch of two steps."""
    world = World("official", stage=2, people=(8, 5), **changes)
    for i, batch in enumerate(world.batches()):
        world.step(batch, world.pictures(batch, i))
    return [world.method.links.shared[m].prototypes for m in Modality]


def test_the_order_of_writing_is_the_settings():
    usual, augmented_first, own_first = (
        memories(),
        memories(write_order="avr"),
        memories(own_last=False),
    )
    for other in (augmented_first, own_first):
        assert all((a - b).abs().max() > 1e-3 for a, b in zip(usual, other, strict=True))


def test_whoever_is_written_last_owns_the_prototype():
    world = World("official", momentum=0.1)
    batch = world.batches()[0]
    pictures = world.pictures(batch, 0)
    modality = torch.as_tensor(batch.modality).long()
    x = normalize(copy.deepcopy(world.net)(pictures, modality).x.detach())
    world.step(batch, pictures)
    visible, _ = split(batch)
    for k in batch.label[visible].unique():
        last = x[visible][batch.label[visible] == k][-1]
        assert last @ world.method.sides[Modality.VISIBLE].memory.prototypes[k] > 0.99
