"""Methods outside the package: found by "module:Class", recorded so, errors that say what to do."""

import sys
from textwrap import dedent

import pytest
import toy
from test_warm_start import world  # noqa: F401

from vireid import cli, experiment, identity, methods, widgets
from vireid.experiment import rows
from vireid.runs import Run
from vireid.training import fit

SOURCE = """
from dataclasses import dataclass
from vireid.methods.dcl import DCL

@dataclass(kw_only=True)
class Mine(DCL):
    '''A method of one's own.

    Parameters
    ----------
    least : smallest something
    '''
    least: float = 0.5
    rows = {"strict": {"least": 0.9}}
    switches = {"least": (0.5, 0.9)}
    ranges = (("least", lambda v: 0 <= v <= 1, "give a share"),)

class Other:
    pass
"""
SHORT = {"epochs": (1, 0), "iterations": 2, "k1": 6, "k2": 2, "min_samples": 2, "identities": 3,
         "instances": 2}  # fmt: skip


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module in the present folder, as a student's terminal has it."""
    (tmp_path / "mine_here.py").write_text(dedent(SOURCE))
    monkeypatch.chdir(tmp_path)
    yield "mine_here:Mine"
    sys.modules.pop("mine_here", None)


def test_a_class_of_the_present_folder_is_a_method_like_others(mine, capsys):
    cls, places = methods.kind(mine), list(sys.path)
    assert cls.name == mine and cls.title == "Mine" and places == sys.path
    assert methods.build(mine, preset="tiny", row="strict").least == 0.9
    with pytest.raises(ValueError, match=r"least=2: give a share"):
        methods.build(mine, least=2)
    with pytest.raises(ValueError, match=r"has no switch leest; known: .*least"):
        methods.build(mine, leest=2)
    assert cli.main(["plan", "--method", mine, "--data", "synthvi", "--row", "strict"]) == 0
    told = capsys.readouterr().out
    assert "Mine row strict" in told and "smallest something" in told
    panel = widgets.ablation([], mine)
    assert set(panel.switches) == {"least"} and "strict" in [n for _, n in panel.start.options]


def test_a_record_keeps_the_name_and_finds_the_class_again(mine):
    method = methods.build(mine, preset="tiny", **SHORT)
    run = fit(toy.net(), method, toy.images(), seed=0)
    assert run.method == run.identity["method"] == mine
    kept = Run.parse(run.text(), "here")
    assert type(methods.again(kept.method, kept.config)) is methods.kind(mine)
    assert methods.file_name(mine) == "mine_here.Mine"


def test_the_cache_notices_a_change_of_the_module(mine, tmp_path):
    method = methods.build(mine)
    before = identity.code_of(method)
    assert before == identity.code_of(method) != identity.code_of(methods.build("dcl"))
    assert identity.code_of(methods.build("dcl")) == identity.code_digest()
    (tmp_path / "mine_here.py").write_text(dedent(SOURCE) + "\n# another thought\n")
    assert identity.code_of(method) != before


def test_an_edited_method_is_another_run(mine, tmp_path):
    """Its author raises no ``numbers``; the file and those beside it that it uses tell."""
    helper, file = tmp_path / "helper_here.py", tmp_path / "mine_here.py"
    helper.write_text("SCALE = 1\n")
    file.write_text("import helper_here\n" + dedent(SOURCE))
    (tmp_path / "unused_here.py").write_text("")
    options = {"seed": 0, "out": tmp_path / "run"}
    try:
        built = methods.build(mine, preset="tiny", **SHORT)
        run = fit(toy.net(), built, toy.images(), **options)
        assert fit(toy.net(), built, toy.images(), resume=True, **options).result == run.result
        for edited in (helper, file):
            before = edited.read_text()
            edited.write_text(before + "# another thought\n")
            with pytest.raises(ValueError, match="another own code"):
                fit(toy.net(), built, toy.images(), resume=True, **options)
            edited.write_text(before)
        assert "own code" not in fit(toy.net(), methods.build(
            "dcl", preset="tiny", **SHORT), toy.images(), seed=0).identity  # fmt: skip
    finally:
        sys.modules.pop("helper_here", None)


def test_a_class_of_a_notebook_counts_by_its_functions():
    def defined(body: str) -> type:
        space = {"__name__": "no_such_file"}
        exec(
            f"from vireid.methods.dcl import DCL\nclass Cell(DCL):\n def k1_of(self, *_): {body}",
            space,
        )
        return space["Cell"]

    one, other, same = (defined(body)() for body in ("return 3", "return 4", "return 3"))
    assert identity.code_of(one) == identity.code_of(same) != identity.code_of(other)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_module:Mine", r"'no_such_module' cannot be imported \(ModuleNotFoundError"),
        ("mine_here:Nobody", "has no class 'Nobody'"),
        ("mine_here:Other", "Other is no method; let it inherit"),
        (":Mine", "cannot be imported"),
        ("mine_here:", "has no class ''"),
        ("broken_here:Mine", r"cannot be imported \(SyntaxError"),
        ("nonsense", "known: dcl, .*, or module:Class"),
    ],
)
def test_what_is_no_method_is_a_house_error(mine, tmp_path, name, says, capsys):
    (tmp_path / "broken_here.py").write_text("def (:\n")
    with pytest.raises(ValueError, match=says):
        methods.kind(name)
    assert cli.main(["plan", "--method", name]) == 2
    told = capsys.readouterr().err
    assert told.startswith("vireid: ") and "Traceback" not in told


def test_unknown_rows_are_refused_before_anything_is_trained(world, tmp_path, monkeypatch):  # noqa: F811
    def never(*_, **__):
        raise AssertionError("something was trained")

    monkeypatch.setattr(rows, "train", never)
    with pytest.raises(ValueError, match="M99"):
        experiment.compare(world, "bmil", ["M2", "M99"], seed=0, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
