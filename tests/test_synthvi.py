"""SynthVI: the causal model does what it says, splits follow SYSU's form, pixels are frozen."""

import hashlib
import os
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from vireid import models
from vireid.data import pretrain, synthvi
from vireid.data.synthvi import CAMERAS, PRESETS, World, load, render, variables_of
from vireid.data.synthvi.mechanisms import luminance
from vireid.data.synthvi.spectrum import infrared
from vireid.data.synthvi.stable import Dice, cos, hsv, sin, turn, wave
from vireid.data.synthvi.world import pictures
from vireid.features import extract
from vireid.types import Modality

VISIBLE, INFRARED = Modality

# Change these only together with WORLD_VERSION, and say in CHANGELOG.md what changed.
FROZEN = {
    "version": "1",
    "tiny train": "9b473ca490a0a5f7",
    "tiny query": "3de6103b594eef5f",
    "tiny gallery": "ef1da6fe494c9f68",
    "small train": "cda6008b445c7ae5",
    "small test": "1182fc1a66bc7df3",
    "full train": "6979627e69321709",
    "full test": "94b93f869869ab60",
}


@pytest.fixture(scope="module")
def world():
    return World(seed=3)


def shot_of(world, *, identity=4, camera=2, key=(1, 4, 2, 0)):
    return world.shot(world.person(identity, seed=1), world.camera(camera), key)


# --- stable numbers


def test_dice_read_the_documented_words_of_pcg64():
    words = np.random.PCG64(np.random.SeedSequence([5, int.from_bytes(b"x", "big")])).random_raw(2)
    dice = Dice(5, "x")
    assert [dice.uniform(), dice.uniform(2, 4)] == [
        (int(words[0]) >> 11) / 2**53,
        2 + 2 * ((int(words[1]) >> 11) / 2**53),
    ]


def test_dice_have_the_moments_they_promise():
    dice = Dice(1)
    normal = np.array([dice.normal(2.0) for _ in range(8000)])
    assert abs(normal.mean()) < 0.1 and abs(normal.std() - 2) < 0.08
    grain = Dice(2).grain(3, 64, 64)
    assert grain.dtype == np.float32 and abs(grain.mean()) < 0.03 and abs(grain.std() - 1) < 0.02
    counts = [Dice(3, i).pick({"a": 3.0, "b": 1.0}) for i in range(400)].count("a")
    assert 270 < counts < 330


def test_dice_of_another_key_are_other_dice():
    assert Dice(1, "pose").uniform() != Dice(1, "noise").uniform() != Dice(2, "noise").uniform()
    with pytest.raises(ValueError, match=">= 0"):
        Dice(-1)


def test_plain_functions():
    assert sin(0.5235987755982988) == 0.5 and cos(0.0) == 1.0
    t = np.linspace(-1, 1, 41)
    assert np.abs(turn(t) - np.arcsin(t) / (2 * np.pi)).max() < 0.03
    assert wave(np.array([0.0, 0.25, 0.5, 1.0])).tolist() == [1, 0, -1, 1]
    assert hsv(0, 1, 1) == (1, 0, 0) and hsv(1 / 3, 1, 1)[1] == 1 and hsv(0.7, 0, 0.4) == (0.4,) * 3


# --- the causal model


def test_do_modality_changes_the_light_and_nothing_else(world):
    shot = shot_of(world)
    other = shot.do(modality=INFRARED)
    for variable in ("person", "camera", "pose", "noise", "world"):
        assert getattr(other, variable) == getattr(shot, variable)
    visible, infra = render(shot), render(other)
    assert visible.shape == infra.shape == (96, 48, 3)
    assert (infra[..., 0] == infra[..., 1]).all() and (infra[..., 1] == infra[..., 2]).all()
    assert (visible != infra).any()
    assert (render(other.do(modality=VISIBLE)) == visible).all()


def test_without_gaps_infrared_is_the_luminance(world):
    grey = world.do(modality_gap=0.0, style_gap=0.0)
    for color in ((0.2, 0.5, 0.9), (0.8, 0.6, 0.1)):
        assert infrared(color, 1.3, grey, "upper") == pytest.approx(luminance(color), abs=1e-12)
    plain = grey.do(noise=0.0, camera_spread=0.0, occlusion=0.0)
    shot = shot_of(plain)
    visible, infra = (render(shot.do(modality=m)).astype(float) for m in Modality)
    assert np.abs(visible @ [0.30, 0.59, 0.11] - infra[..., 0]).mean() < 6
    systematic = render(shot.do(modality=INFRARED, style_gap=1.0)).astype(float)
    assert np.abs(visible @ [0.30, 0.59, 0.11] - systematic[..., 0]).mean() > 20


def test_modality_gap_is_the_share_that_colour_does_not_tell(world):
    """At gap 0 own deviations are unseen, at gap 1 colours are; in between the variance stays."""
    at = {g: world.do(modality_gap=g) for g in (0.0, 0.5, 1.0)}
    red, blue = (0.6, 0.3, 0.3), (0.3, 0.3, 0.5)
    assert infrared(red, -1, at[0.0], "upper") == infrared(red, 1, at[0.0], "upper")
    assert infrared(red, 0.5, at[1.0], "upper") == infrared(blue, 0.5, at[1.0], "upper")
    people = [world.person(i) for i in range(2000)]
    for gap, w in at.items():
        pairs = [(infrared(p.color[2], p.own[2], w, "upper"), p.own[2]) for p in people]
        value, own = np.array(pairs).T
        assert abs(np.corrcoef(value, own)[0, 1] - np.sqrt(1 - (1 - gap) ** 2)) < 0.08
        assert 0.15 < value.std() < 0.30


def test_modality_gap_never_touches_visible_pixels(world):
    shot = shot_of(world)
    assert (render(shot) == render(shot.do(modality_gap=1.0, style_gap=0.0))).all()
    dark = shot.do(modality=INFRARED)
    assert (render(dark) != render(dark.do(modality_gap=1.0))).any()


@pytest.mark.parametrize(
    "change", [{"yaw": 0.5}, {"bag": "backpack"}, {"exposure": 0.5}, {"upper": "coat"}, {"x": 0.2}]
)
def test_every_variable_can_be_set(world, change):
    shot = shot_of(world).do(bag="none", upper="tee", yaw=0.0)
    after = shot.do(**change)
    assert (render(after) != render(shot)).any()
    back = {
        name: getattr(
            next(h for h in (shot.person, shot.pose, shot.noise) if hasattr(h, name)), name
        )
        for name in change
    }
    assert after.do(**back) == shot


def test_thermal_style_warms_skin_and_cools_bags(world):
    thermal = world.do(style="thermal", modality_gap=0.0)
    same = (0.4, 0.4, 0.4)
    skin, coat, tee, bag = (
        infrared(same, 0, thermal, part, upper)
        for part, upper in (("skin", ""), ("upper", "coat"), ("upper", "tee"), ("bag", ""))
    )
    assert skin > tee > coat > bag
    shot = shot_of(world).do(modality=INFRARED)
    assert (render(shot) != render(shot.do(style="thermal"))).any()


def test_shared_zero_makes_everybody_the_same_build():
    world = World(seed=3, shared=0.0)
    bodies = {(p.build, p.leg, p.hair, p.bag) for p in (world.person(i) for i in range(20))}
    assert bodies == {(1.0, 0.475, "short", "none")}


def test_camera_3_hangs_in_the_room_of_camera_2(world):
    room = {n: world.camera(n).room for n in range(1, 9)}
    assert room[3] == room[2]
    assert len(set(room.values())) == 7
    assert [world.camera(n).modality for n in range(1, 9)] == [0, 0, 1, 0, 0, 1, 1, 1]


def test_person_is_seen_in_front_of_the_room(world):
    """Removing the person (pushed out of the picture) changes its middle, not its corners."""
    quiet = world.do(noise=0.0, occlusion=0.0)
    shot = shot_of(quiet)
    near, gone = render(shot).astype(int), render(shot.do(x=5.0)).astype(int)
    assert np.abs(near - gone)[30:60, 18:30].mean() > 10
    assert np.abs(near - gone)[:8, :8].mean() < 2


def test_bad_input(world):
    for wrong in ({"style": "x-ray"}, {"modality_gap": 1.5}, {"noise": -1.0}, {"style_gap": -0.1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            World(**wrong)
    with pytest.raises(ValueError, match="unknown"):
        world.do(colour=1)
    with pytest.raises(ValueError, match=r"do\(mood=\.\.\.\)"):
        shot_of(world).do(mood="happy")
    with pytest.raises(ValueError, match="camera=9"):
        world.camera(9)
    with pytest.raises(ValueError, match="at least"):
        render(shot_of(world), (8, 4))
    for wrong in ({"preset": "huge"}, {"split": "val"}, {"trial": -1}, {"seed": -3}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            load(**wrong)


@pytest.mark.parametrize("trial", [-1, 10, 99, 1.5, True])
def test_a_trial_is_one_of_ten(trial):
    with pytest.raises(ValueError, match=rf"trial={trial}: SynthVI's .*choose one of 0\.\.9"):
        load("tiny", "gallery", trial=trial)
    assert len(load("tiny", "gallery", trial=np.int64(9)))


@pytest.mark.parametrize("seed", [-1, 1.5, 2**63])
def test_a_population_is_a_whole_number(seed):
    with pytest.raises(ValueError, match=f"seed={seed}; give a whole number"):
        load("tiny", "query", seed=seed)


def test_every_name_of_variables_of_is_settable(world):
    shot = shot_of(world)
    for name in variables_of(shot):
        holders = (shot, shot.world, shot.person, shot.pose, shot.noise)
        value = next(getattr(h, name) for h in holders if hasattr(h, name))
        assert shot.do(**{name: value}) == shot


# --- the data set


def test_tiny_has_the_form_of_sysu():
    preset = PRESETS["tiny"]
    train, query, gallery = (load("tiny", split) for split in synthvi.SPLITS)
    assert train.source.dtype == np.uint8 and train.source.shape[1:] == (64, 32, 3)
    assert len(train) == preset.train * preset.shots[0] * 2
    assert set(query.modality) == {1} and set(gallery.modality) == {0}
    assert len(query) == preset.test * preset.shots[1]
    assert len(gallery) == preset.test * 4
    assert set(train.identity).isdisjoint(query.identity)
    assert set(query.identity) == set(gallery.identity)
    for modality, cameras in CAMERAS.items():
        assert set(train.camera[train.modality == modality]) == set(cameras)
    assert (np.diff(query.identity) >= 0).all()


def test_gallery_is_drawn_by_python_random():
    """Seed t, identities ascending, cameras 1, 2, 4, 5, one choice each from sorted rows."""
    preset = PRESETS["tiny"]
    identities = range(preset.train + 1, preset.train + preset.test + 1)
    everything = pictures(preset, preset.seed, identities, [VISIBLE], preset.shots[1])
    dice = random.Random(3)
    drawn = []
    for identity in identities:
        for camera in (1, 2, 4, 5):
            there = [
                i
                for i in range(len(everything))
                if (everything.identity[i], everything.camera[i]) == (identity, camera)
            ]
            drawn.append(dice.choice(there))
    gallery = load("tiny", "gallery", trial=3)
    assert (gallery.source == everything.source[drawn]).all()
    assert (gallery.source != load("tiny", "gallery", trial=4).source).any()


def test_another_seed_gives_other_people_in_the_same_rooms():
    preset = replace(PRESETS["tiny"], train=2, test=1)
    a, b = (pictures(preset, seed, range(1, 3), Modality, 4) for seed in (1, 2))
    assert (a.source != b.source).any() and (a.camera == b.camera).all()
    assert preset.world.camera(1) == PRESETS["small"].world.camera(1)


def test_load_hands_out_copies():
    load("tiny", "query").source[:] = 0
    assert load("tiny", "query").source.any()


def test_loaded_twice_is_the_same():
    assert load("tiny").fingerprint == load("tiny").fingerprint
    assert load("tiny", seed=5).fingerprint != load("tiny").fingerprint


def test_global_random_state_is_left_alone():
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    load("tiny", "gallery", trial=9)
    after = (random.random(), np.random.random(), torch.rand(1).item())  # noqa: NPY002
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    assert after == (random.random(), np.random.random(), torch.rand(1).item())  # noqa: NPY002


def digest(images) -> str:
    return hashlib.sha256(np.ascontiguousarray(images.source)).hexdigest()[:16]


def frozen_now() -> dict[str, str]:
    """Hashes of all of tiny and of the first identities of the larger presets."""
    now = {f"tiny {split}": digest(load("tiny", split)) for split in synthvi.SPLITS}
    for name in ("small", "full"):
        p = PRESETS[name]
        for part, first, shots in (("train", 1, p.shots[0]), ("test", p.train + 1, p.shots[1])):
            some = pictures(p, p.seed, range(first, first + 2), Modality, shots)
            now[f"{name} {part}"] = digest(some)
    return {"version": synthvi.WORLD_VERSION} | now


def test_frozen_pixels():
    """Differs after a change of the renderer: then raise WORLD_VERSION and renew FROZEN."""
    assert frozen_now() == FROZEN


def test_pixels_do_not_depend_on_the_vector_units_of_the_processor():
    """numpy told to forget AVX and its kin draws the same tiny world."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    present = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    if not present:
        pytest.skip("numpy uses no optional vector units on this processor")
    code = (
        "import hashlib; from vireid.data.synthvi import load;"
        "print(hashlib.sha256(load('tiny').source.tobytes()).hexdigest()[:16])"
    )
    plain = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(present)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == FROZEN["tiny train"]


# --- starting weights

FEW = pretrain.Setting(people=6, shots=4, worlds=2, identities=3, instances=2, steps=5)


def test_pretraining_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrain, "KEEP_EVERY", 2)
    whole = pretrain.train(FEW, seed=1, checkpoint=tmp_path / "a.pt", progress=False)
    step, losses = iter(range(10)), pretrain._losses

    def stop(*arguments):
        if next(step) == 3:
            raise KeyboardInterrupt
        return losses(*arguments)

    monkeypatch.setattr(pretrain, "_losses", stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain.train(FEW, seed=1, checkpoint=tmp_path / "b.pt", progress=False)
    monkeypatch.setattr(pretrain, "_losses", losses)
    with pytest.raises(ValueError, match="another setting"):
        pretrain.train(FEW, seed=2, checkpoint=tmp_path / "b.pt", progress=False)
    again = pretrain.train(FEW, seed=1, checkpoint=tmp_path / "b.pt", progress=False)
    assert not list(tmp_path.iterdir())
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    stems = whole.stems
    for a, b in zip(stems.visible.parameters(), stems.infrared.parameters(), strict=True):
        assert torch.equal(a, b)


def test_pretraining_people_are_nobody_of_a_preset():
    """Another population, other rooms, visible light alone."""
    table = pretrain.people(FEW, seed=0)
    assert set(table.modality) == {0} and set(table.identity) == set(range(6))
    rooms = {World(seed=pretrain.ROOMS + i).camera(1).room for i in range(5)}
    assert PRESETS["small"].world.camera(1).room not in rooms
    assert all(p.seed < pretrain.PEOPLE for p in PRESETS.values())


def test_grey_batches_carry_no_colour():
    table = pretrain.people(FEW, seed=0)
    x = pretrain._grey_batch(table, np.arange(4), np.random.default_rng(0))
    std, mean = torch.tensor([0.229, 0.224, 0.225]), torch.tensor([0.485, 0.456, 0.406])
    grey = x * std[:, None, None] + mean[:, None, None]
    erased = (grey.amax(1) - grey.amin(1)) > 1e-3
    assert x.shape == (4, 3, 96, 48) and erased.float().mean() < 0.3


def test_committed_weights_know_people_within_a_modality_and_are_biased_between():
    """They fit the network as it is built, and start the story: rank-1 high within, low across."""
    images = load("tiny")
    found = extract(models.build("small", weights="synthvi"), images)
    similarity = (found.x @ found.x.T).fill_diagonal_(-2)

    def rank1(query, gallery):
        rows, columns = found.modality == query, found.modality == gallery
        nearest = similarity[rows][:, columns].argmax(1)
        return (found.identity[columns][nearest] == found.identity[rows]).float().mean()

    assert rank1(VISIBLE, VISIBLE) > 0.85 and rank1(INFRARED, INFRARED) > 0.85
    assert 0.05 < rank1(INFRARED, VISIBLE) < 0.5
