"""Looks that both modalities can share, as views and as voters."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import toy

from vireid import jaccard, methods
from vireid.clustering import dbscan
from vireid.data import looks
from vireid.data.augment import RECIPES, Recipe, Stream, to_input
from vireid.experiment.plan import _told as told_stream
from vireid.features import extract
from vireid.training import fit
from vireid.types import Embeddings, Modality


@pytest.fixture
def picture():
    """A bright square on the right of a dark coloured ground."""
    found = np.full((12, 8, 3), (40, 20, 0), np.uint8)
    found[:, 4:] = 200
    return found


def test_a_negative_turns_brightness_round(picture):
    dark = looks.grey(picture)
    assert dark[0, 0] == 24 and dark[0, 7] == 200  # 0.299 R + 0.587 G + 0.114 B, rounded
    assert (looks.negative(picture) == 255 - dark[..., None]).all()
    assert (looks.negative(looks.negative(picture))[..., 0] == dark).all()


def test_edges_are_the_same_of_a_picture_and_its_negative(picture):
    found = looks.edges(picture)
    assert found.dtype == np.uint8 and found.shape == picture.shape and found.max() == 255
    assert set(found[..., 0].argmax(1).tolist()) <= {3, 4}, "the step is between columns 3 and 4"
    assert np.abs(found.astype(int) - looks.edges(looks.negative(picture))).max() <= 1
    assert looks.edges(np.full((4, 4, 3), 9, np.uint8)).max() == 0


@pytest.mark.parametrize("name", looks.LOOKS[1:])
def test_recipes_show_half_of_the_second_views_in_a_look(name):
    plain, recipe = RECIPES["pgm"], RECIPES[f"pgm_{name}"]
    assert recipe.visible == plain.visible
    for view in ("visible_second", "infrared"):
        usual, seen = getattr(plain, view), getattr(recipe, view)
        assert seen.looks == ("plain", name) and replace(seen, looks=()) == usual


def test_a_look_is_of_the_whole_picture_before_the_crop(picture):
    only = Recipe(visible=Stream(looks=("edges",)), pad=0, flip=0, erasing="none")
    dice = torch.Generator().manual_seed(0)
    shown = only.view(picture, modality=0, generator=dice)
    assert torch.equal(shown, to_input(looks.edges(picture)[None])[0])
    moved = replace(only, pad=96).view(picture, modality=0, generator=dice)
    assert set(moved.unique().tolist()) <= set(shown.unique().tolist()), "the margin has no edge"


def test_looks_are_drawn_equally_often(picture):
    drawn = [looks.draw(("plain", "negative"), torch.Generator().manual_seed(i)) for i in range(99)]
    assert 0.3 < np.mean([look is looks.negative for look in drawn]) < 0.7
    coloured = looks.draw(("pseudo_colour",), torch.Generator())
    assert len(np.unique(coloured(picture).reshape(-1, 3), axis=0)) == 2
    assert looks.draw((), torch.Generator()) is None


def test_unknown_looks():
    with pytest.raises(ValueError, match="no sepia; known: plain, negative, edges, pseudo_colour"):
        Stream(looks=("sepia",))
    with pytest.raises(ValueError, match="no pseudo_colour; known: plain, negative, edges"):
        methods.build("bmil", preset="tiny", votes=("plain", "pseudo_colour"))
    blank = Embeddings(torch.eye(3), [0, 0, 1], [0, 0, 0])
    with pytest.raises(ValueError, match="no features of the look 'edges'"):
        looks.described(blank, "edges")


def test_pictures_are_described_in_looks_row_by_row():
    table, net = toy.images(), toy.net()
    both = extract(net, table, looks=("edges",), batch=7)
    assert torch.equal(both.x, extract(net, table, batch=7).x)
    shown = toy.images()
    object.__setattr__(shown, "source", np.stack([looks.edges(p) for p in table.source]))
    assert torch.equal(both.looks["edges"], extract(net, shown, batch=7).x)
    some = both.blind().of(Modality.INFRARED)
    rows = table.modality == Modality.INFRARED
    assert torch.equal(some.looks["edges"], both.looks["edges"][torch.as_tensor(rows)])


def test_neighbours_of_several_views_vote():
    """The mean of encodings, compared; plain loops over all pairs."""
    rng = np.random.default_rng(0)
    views = [rng.normal(size=(20, 6)).astype(np.float32) for _ in range(3)]
    found = jaccard.voted_distance(views, k1=6, k2=2).todense()
    v = np.mean([jaccard.encoding(x, k1=6, k2=2).todense() for x in views], axis=0)
    for i in range(20):
        for j in range(20):
            shared = sum(min(v[i, g], v[j, g]) for g in range(20))
            wanted = 1 - shared / (2 - shared)
            stored = found[i, j] if shared > 0 and i != j else wanted
            assert abs(stored - wanted) < 1e-5
    one = jaccard.voted_distance(views[:1], k1=6, k2=2)
    assert (one != jaccard.jaccard_distance(views[0], k1=6, k2=2)).nnz == 0
    with pytest.raises(ValueError, match="one view at least"):
        jaccard.voted_distance([])


SIZES = {
    "epochs": (1, 1), "iterations": 1, "k1": 6, "k2": 2, "eps": 0.7, "min_samples": 2,
    "identities": 3, "instances": 2, "subset_ratio": 1.0,
}  # fmt: skip


def test_bmil_clusters_by_the_votes_of_looks():
    """Two looks that group otherwise, and what averaging their encodings makes of it."""
    rng = np.random.default_rng(2)
    x, other = (rng.normal(size=(60, 4)).astype(np.float32) for _ in range(2))
    modality = np.arange(60) % 2
    features = Embeddings(x, modality, modality, looks={"edges": torch.as_tensor(other)})
    asked = {"rule": "modality", "k1": 6, "k2": 2, "modality": modality}
    v = sum(jaccard.encoding(view, **asked) for view in (x, other)) / 2
    wanted = dbscan(jaccard.encoding_distance(v.tocsr(), eps=0.7), eps=0.7, min_samples=2)
    found = {
        votes: methods.build("bmil", **SIZES, votes=votes).cluster_jointly(features, 1)
        for votes in (("plain",), ("edges",), ("plain", "edges"))
    }
    assert (found["plain", "edges"] == wanted).all()
    assert all((found[one] != wanted).any() for one in (("plain",), ("edges",)))


def test_votes_are_a_setting_of_stage_2():
    method = methods.build("bmil", **SIZES, votes=("plain", "edges"))
    plain = methods.build("bmil", **SIZES)
    assert [method.looks(epoch) for epoch in (0, 1)] == [(), ("edges",)] and not plain.looks(1)
    assert "votes" not in plain.config() and "votes" in method.config()
    assert method.stage1_config() == plain.stage1_config()
    run = fit(toy.net(), method, toy.images(), seed=0)
    assert [row["stage"] for row in run.curves] == [1, 2]
    assert methods.again("bmil", run.config).votes == ("plain", "edges")
    for votes in ((), ("plain", "plain")):
        with pytest.raises(ValueError, match="at least one look, each once"):
            methods.build("bmil", **SIZES, votes=votes)
    with pytest.raises(ValueError, match="none with global_clusters='none'"):
        methods.build("bmil", row="M1", votes=("plain", "edges"))


def test_a_plan_tells_the_looks():
    shown = Stream(jitter=0.5, looks=("plain", "edges"), channels="exchange")
    assert told_stream(shown) == ["jitter 0.5", "looks: plain or edges", "channels: exchange"]
