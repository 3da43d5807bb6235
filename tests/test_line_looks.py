"""Looks of methods and rows: one each in all figures, and no two alike in one."""

from itertools import combinations

import pytest
from matplotlib.colors import to_hex
from test_sensitivity import record, shelf  # noqa: F401 - a fixture

from vireid import evidence
from vireid.evidence import dials
from vireid.figures import bmil, dmdl, mcf, mult, sensitivity, titles
from vireid.plots.looks import KNOWN, LOOK, looks
from vireid.runs import ladders
from vireid.widgets.scene import NAMES

EQUAL = [row["title"] for row in evidence.read().equal]
FIGURES = {  # figure -> names that stand in it together
    "people_missing": [*EQUAL, *titles.CALLED.values()],
    "world_dials": [*EQUAL, *titles.CALLED.values()],
    "pairing_worth": [name for row in evidence.read().beside for name in row["names"].values()],
    "published_absence": list(sensitivity.published(dataset="SYSU-MM01", mode="all")),
    "association_absence": [mult.TABLE3[name] for name in NAMES],
    "of associations, in notebooks": [*NAMES, "oracle"],
    "pair_quality": list(mult.TABLE3.values()),
    "label_quality": list(bmil.TITLES.values()),
    "label_homogeneity": [dmdl.ROWS[row] for row in "1267"],
    "mcf_roc": list(mcf.ENDS.values()),
}


def test_nobody_s_look_is_another_s():
    assert len({look for look, _ in KNOWN}) == len(KNOWN)
    assert len(LOOK) == sum(len(names) for _, names in KNOWN), "a name stands twice"


@pytest.mark.parametrize("figure", FIGURES)
def test_no_two_names_of_a_figure_look_alike(figure):
    found = looks(FIGURES[figure])
    for (one, look), (other, same) in combinations(found.items(), 2):
        assert look != same, f"{one} and {other}"


def test_a_name_has_one_look_in_all_figures():
    seen = {}
    for names in FIGURES.values():
        for name, look in looks(names).items():
            if "part)" not in name and "order" not in name and name in LOOK:
                assert seen.setdefault(name, look) == look == LOOK[name], name
    assert {"PGM", "PGM matching", "MULT", "MMM", "N-ULC"} <= set(seen)
    for name in titles.CALLED.values():
        assert looks([name])[name] == looks(FIGURES["people_missing"])[name], name


def test_who_is_not_known_takes_nobody_s_look():
    found = looks(["somebody", "MULT", "MULT (2)", "BMIL"])
    assert found["MULT"] == LOOK["MULT"] and found["BMIL"] == LOOK["BMIL"]
    assert len(set(found.values())) == 4
    assert {found["somebody"][0], found["MULT (2)"][0]}.isdisjoint({LOOK["MULT"][0]})


def test_rows_that_are_no_method_on_equal_terms_are_not_called_one(shelf, monkeypatch):  # noqa: F811
    for seed in (1, 2):
        for row in ("hungarian", "pgm"):
            for share in (0.0, 0.5):
                run = record(seed, 0.5, row=row, **({"absent": share} if share else {}))
                run.save(shelf / str(share) / f"seed{seed}" / f"{row}.json")
    monkeypatch.setattr(sensitivity, "kept", lambda: ladders(shelf))
    told = {line.get_label(): line for line in sensitivity.people_missing().axes[0].lines}
    assert set(told) == {"MULT, half the steps", "Hungarian (in MULT)", "PGM matching (in MULT)"}
    for name, line in told.items():
        look = to_hex(line.get_color()).lower(), line.get_linestyle(), line.get_marker()
        assert look == (LOOK[name.split(" (")[0]][0].lower(), *LOOK[name.split(" (")[0]][1:])
    assert not set(titles.CALLED.values()) & set(EQUAL)
    lines = dials.turned(ladders(shelf), "absent")["synthvi small"]
    assert list(titles.called(lines | {"New 9": {}}))[-1] == "New 9"
