"""Figures of another data set than SynthVI, and those that need trained networks or sweeps."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from vireid import evidence, figures, plots
from vireid.features import extract
from vireid.figures import bmil, dmdl, mcf, mult, records, registry, subject, swept, worlds
from vireid.runs import Run

OF_PAPERS = {
    "BMIL, Fig. 1a": "neighbour_modality",
    "BMIL, Fig. 1b and 5": "maps",
    "BMIL, Fig. 3": "two_peaks",
    "BMIL, Fig. 4": "label_quality",
    "MULT, Fig. 3": "mult_alpha_beta",
    "MULT, Fig. 4": "pair_quality",
    "MULT, Fig. 5": "crossing_distances",
    "DMDL, Fig. 5": "dmdl_variants",
    "DMDL, Fig. 6": "dmdl_lambdas",
    "DMDL, Fig. 7": "debiasing_maps",
    "DMDL, Fig. 8": "label_homogeneity",
    "DMDL, Fig. 9": "dmdl_retrieval",
    "DMDL, Fig. C.1": "dmdl_triplets",
    "MCF, Fig. 5": "mcf_roc",
    "MCF, Fig. 6": "mcf_sweep",
    "MCF, Fig. 7": "mcf_retrieval",
    "MCF, Fig. 8": "mcf_maps",
}


def record(method: str, row: str, seed: int = 1, **config) -> Run:
    curves = [{"epoch": e, "own_share_30": 0.9 - 0.1 * e} for e in range(3)]
    result = {"rank1": 0.5, "mAP": 0.4, "mINP": 0.3}
    told = {"data": {"name": "toy"}, "result": result, "curves": curves, "identity": {"seed": seed}}
    return Run(method, config, seed, row=row, **told)


def test_every_analysis_figure_of_the_papers_is_listed_with_its_data():
    listed = {item.after: item for item in figures.DRAWINGS}
    for after, name in OF_PAPERS.items():
        assert listed[after].name == name
        assert "SynthVI" in listed[after].shows or "BMIL's first epoch" in listed[after].shows
    assert "modality_bias" in {item.name for item in figures.DRAWINGS}


def test_records_of_another_data_set_take_the_place_of_synthvi_s(monkeypatch):
    kept = {
        "synthvi_small": {"M2": [record("bmil", "M2")]},
        "m3svd": {"M2": [record("bmil", "M2", 7)]},
        "m3svd_bmil": {"M3": [record("bmil", "M3", 7)]},
        "m3svd_mult": {"7": [record("mult", "7", 9)]},
    }
    monkeypatch.setattr(records, "ladders", lambda: kept)
    assert [run.seed for runs in bmil.ladder().values() for run in runs] == [1]
    assert mult.mult_ladder() is None
    with subject.about("m3svd") as one:
        assert one.real and subject.named("synthvi_small_mult") == "m3svd_mult"
        assert [run.seed for runs in bmil.ladder().values() for run in runs] == [7, 7]
        assert mult.mult_ladder() is not None
        assert subject.told("Rank-1 on SynthVI small, n = 3") == "Rank-1 on m3svd, n = 3"
    assert (
        subject.current() == subject.Subject() and subject.told("SynthVI small") == "SynthVI small"
    )


def test_real_people_s_figures_are_marked_and_their_page_too(tmp_path, monkeypatch, capsys):
    def drawn():
        return plots.canvas(width=2, height=1)[0]

    listed = [
        registry.Drawing("one", "On SynthVI tiny.", "", drawn),
        registry.Drawing("two", "Only synthetic.", "", drawn, of_any=False),
        registry.Drawing("three", "Needs records.", "", lambda: None),
    ]
    monkeypatch.setattr(registry, "DRAWINGS", listed)
    written = registry.draw_all(tmp_path, data="m3svd")
    assert [path.name for path in written] == ["real-people-one.png"]
    page = (tmp_path / "real-people-README.md").read_text()
    assert "`vireid figures --only one --data m3svd`" in page
    assert "On m3svd." in page and "do not pass these on" in page and "two" not in page
    assert "three: skipped, the records it needs are not there" in capsys.readouterr().out
    assert [p.name for p in registry.draw_all(tmp_path)] == ["one.png", "two.png"]
    assert "`vireid figures --only one`" in (tmp_path / "README.md").read_text()
    with pytest.raises(ValueError, match="preset='small': SynthVI's figures"):
        registry.draw_all(tmp_path, preset="small")


def test_captions_tell_the_seeds_of_the_records_drawn(tmp_path, monkeypatch):
    def drawn():
        records.noted({"M1": [record("bmil", "M1", s) for s in (2, 1)], "M2": {4: 0.5}, "M3": []})
        return plots.canvas(width=2, height=1)[0]

    def bare():
        return plots.canvas(width=2, height=1)[0]

    listed = [registry.Drawing(name, f"{name}.", "", f) for name, f in (("a", drawn), ("b", bare))]
    monkeypatch.setattr(registry, "DRAWINGS", listed)
    registry.draw_all(tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "\na. Seeds 1, 2, 4 (n = 1 to 2, by row).\n" in page and "\nb.\n" in page
    records.noted({"M1": [record("bmil", "M1")]})
    assert records.told_seeds() == " Seed 1 (n = 1)." and records.told_seeds() == ""


def test_records_of_another_identity_are_left_out(monkeypatch):
    rows = {"1": [record("dmdl", "1", s) for s in (1, 2)]}
    monkeypatch.setattr(records, "ladders", lambda: {dmdl.LADDER: rows})
    monkeypatch.setattr(records, "_strangers", lambda name: {("1", 2)})
    assert [run.seed for run in records.records(dmdl.LADDER)["1"]] == [1]
    rows["1"][0].identity = {}
    assert records.records(dmdl.LADDER) == {}


def test_records_that_are_not_the_plan_s_are_known(tmp_path, monkeypatch):
    kept = evidence.STORE / "synthvi_small_dmdl"
    (tmp_path / kept.name).mkdir()
    shutil.copytree(kept / "seed1", tmp_path / kept.name / "seed1")
    file = tmp_path / kept.name / "seed1" / "2.json"
    file.write_text(file.read_text().replace('"eps":0.55', '"eps":0.54'))
    planned = evidence.states
    monkeypatch.setattr(evidence, "states", lambda cells: planned(cells, tmp_path))
    assert records._strangers("synthvi_small_dmdl") == {("2", 1)}


def test_values_of_a_row_s_hyperparameter_ascend_around_the_usual_one():
    rows = {"7": [record("mult", "7", alpha=0.2, beta=0.7)]}
    rows |= {
        f"alpha-{a}": [record("mult", "7", s, alpha=a, beta=0.7) for s in (1, 2)]
        for a in (0.5, 0.0)
    }
    found = swept.swept(rows, "alpha", "alpha", usual="7")
    assert list(found) == [0.0, 0.2, 0.5] and len(found[0.5]) == 2
    figure = swept.panels(rows, {n: (n, n) for n in ("alpha", "beta")}, usual="7")
    (ax,) = figure.axes  # beta has one value
    assert ax.get_xlabel() == "alpha (n = 1)" and ax.get_title(loc="left") == "in use: 0.2"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 50)
    rows["7"] = [record("mult", "7", 3, alpha=0.2, beta=0.7)]
    assert swept.panels(rows, {"alpha": ("alpha", "alpha")}, usual="7") is None, "no seed in common"
    assert swept.panels({}, {"alpha": ("alpha", "alpha")}, usual="7") is None


def test_the_usual_value_is_of_the_processor_of_the_others():
    def on(processor: str, *args, **values):
        return replace(record("mult", *args, **values), versions={"processor": processor})

    usual = record("mult", "7", 1, alpha=0.2)
    rows = {"7": [usual], "alpha-0.5": [on("new", "alpha-0.5", 1, alpha=0.5)]}
    anew = on("new", "7", 1, alpha=0.2)
    given = {"usual": "7", "again": {"7": [anew]}}
    assert swept.swept(rows, "alpha", "alpha", **given)[0.2] == [anew]
    rows["alpha-0.5"] = [record("mult", "alpha-0.5", 1, alpha=0.5)]
    assert swept.swept(rows, "alpha", "alpha", **given)[0.2] == [usual]
    assert swept.swept({"7": [usual]}, "alpha", "alpha", usual="7") == {0.2: [usual]}


def test_bias_is_followed_from_stage_1_into_stage_2(monkeypatch):
    rows = {"stage1": [record("dmdl", "stage1", 1)], "7": [record("dmdl", "7", s) for s in (1, 2)]}
    monkeypatch.setattr(records, "ladders", lambda: {dmdl.LADDER: rows})
    (ax,) = dmdl.modality_bias().axes
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.9, 0.8, 0.7, 0.9, 0.8, 0.7])
    (chance,) = [line for line in ax.lines if line.get_label() == "no bias: 0.5"]
    assert ax.get_ylim()[0] < chance.get_ydata()[0] == 0.5
    monkeypatch.setattr(records, "ladders", dict)
    assert dmdl.modality_bias() is None


@pytest.fixture
def trained(monkeypatch):
    """The tiny world, with starting weights in the place of every training."""
    asked = []

    def after(row, method="bmil", **switches):
        asked.append((row, method, switches))
        model = subject.world().model()
        return model, extract(model, subject.world().train)

    for module in (worlds, mcf, dmdl):
        monkeypatch.setattr(module, "after", after)
    monkeypatch.setattr(worlds.plots, "project", lambda x, *_, **__: np.asarray(x)[:, :2])
    return asked


def test_figures_of_networks_ask_for_the_right_rows(trained):
    drawn = [draw() for draw in (mcf.mcf_roc, mcf.mcf_maps, mcf.mcf_retrieval)]
    assert [len(figure.axes) for figure in drawn] == [1, 2, 2]
    assert {(row, method) for row, method, _ in trained} == {("R1", "mcf"), ("R7", "mcf")}
    trained.clear()
    dmdl.dmdl_retrieval()
    assert trained == [("1", "dmdl", dmdl.PLAIN), ("7", "dmdl", dmdl.PLAIN)]


@pytest.fixture
def differing(trained, monkeypatch):
    """As ``trained``, with other features for every row."""
    for module in (worlds, mcf, dmdl):
        given = module.after

        def after(row, method="bmil", given=given, **switches):
            model, train = given(row, method, **switches)
            wide = sum(map(ord, str(row)))
            x = np.random.default_rng(wide).normal(size=(len(train), 8))
            x[:, 0] += wide % 5 * np.asarray(train.modality)
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            return model, replace(train, x=torch.as_tensor(x, dtype=torch.float32))

        monkeypatch.setattr(module, "after", after)


def test_panels_of_one_quantity_share_their_axes(differing):
    axes = worlds.neighbour_modality().axes
    assert len({ax.get_ylim() for ax in axes}) == 1
    below = dmdl.debiasing_maps().axes[2:]
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in below}) == 1


def test_shared_limits_hold_all_panels():
    _, (left, right) = plots.canvas(2)
    left.set(xlim=(0, 1), ylim=(0.2, 0.4))
    right.set(xlim=(-1, 0.5), ylim=(0.3, 0.9))
    plots.share_limits([left, right])
    assert left.get_ylim() == right.get_ylim() == (0.2, 0.9)
    assert left.get_xlim() == (0, 1)
    plots.share_limits([left, right], x=True)
    assert left.get_xlim() == right.get_xlim() == (-1, 1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("maps", "a line joins a picture to its person's centre in that modality"),
        ("debiasing_maps", "a line joins a picture"),
        ("mcf_maps", "a line joins a picture"),
        ("modality_bias", "stage 1 is shared"),
        ("label_quality", "axes differ and do not begin at 0"),
        ("pair_quality", "axes differ and do not begin at 0"),
        ("crossing_distances", "the area that lies under both densities"),
        ("retrieval", "right ones framed green"),
    ],
)
def test_captions_say_what_the_eye_cannot_know(name, words):
    (told,) = [item.shows for item in figures.DRAWINGS if item.name == name]
    assert words in told


def test_answers_are_titled_as_their_caption_says(trained):
    titles = [ax.get_title(loc="left") for ax in worlds.retrieval().axes]
    assert [title.split(":")[0] for title in titles] == ["after stage 1", "after BMIL"]
