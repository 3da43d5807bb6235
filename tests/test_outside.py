"""Methods outside the package: found by "module:Class", recorded so, errors that say what to do."""

import re
import sys
from dataclasses import dataclass
from textwrap import dedent
from typing import ClassVar

import pytest
import toy
from test_warm_start import world  # noqa: F401

from vireid import cli, experiment, identity, methods, widgets
from vireid.cli import boundary
from vireid.experiment import rows
from vireid.methods import outside
from vireid.methods.pgm import PGM
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
        ("mine_here.py:Mine", "names a file; give the module, mine_here:Mine"),
        ("./mine_here:Mine", "names a file; give the module, mine_here:Mine"),
        ("lacking_here:Mine", "install no_such_package, or put it beside"),
        ("falls_here:Mine", r"ZeroDivisionError.*mend falls_here.py line 2"),
        ("mine_here:", "has no class ''"),
        ("broken_here:Mine", r"cannot be imported \(SyntaxError.*mend broken_here.py line 1"),
        ("nonsense", "known: dcl, .*, or module:Class"),
    ],
)
def test_what_is_no_method_is_a_house_error(mine, tmp_path, name, says, capsys):
    (tmp_path / "broken_here.py").write_text("def (:\n")
    (tmp_path / "lacking_here.py").write_text("import no_such_package\n")
    (tmp_path / "falls_here.py").write_text("x = 0\ny = 1 / x\n")
    with pytest.raises(ValueError, match=says):
        methods.kind(name)
    assert cli.main(["plan", "--method", name]) == 2
    told = capsys.readouterr().err
    assert told.startswith("vireid: ") and "Traceback" not in told


@pytest.mark.parametrize("name", methods.TABLE)
def test_the_packages_own_classes_are_sound(name):
    outside._check_settings(methods.kind(name))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("rounds = 1", r"gives rounds a value and no type.*write rounds: int | None = \.\.\."),
        ("floor: float", "floor without a default"),
        ("stage2_fields = PGM.stage2_fields | {'lacking'}", "stage2_fields: lacking is no setting"),
        ("switches = {'lacking': (0, 1)}", "switches: lacking is no setting"),
        ("ranges = {'rounds': (-1, 1)}", r"ranges: give rows of \(names, test, what to do\)"),
        ("ranges = (('lacking', bool, 'no'),)", "ranges: lacking is no setting"),
    ],
)
def test_settings_that_would_be_left_aside_are_refused(tmp_path, monkeypatch, body, says):
    name = f"odd_{abs(hash(body))}"
    head = "from dataclasses import dataclass\nfrom vireid.methods.pgm import PGM\n"
    text = f"{head}@dataclass(kw_only=True)\nclass Odd(PGM):\n    {body}\n"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=says):
        methods.kind(f"{name}:Odd")


def test_a_class_that_redeclares_a_setting_or_takes_it_away_is_sound():
    @dataclass(kw_only=True)
    class Redeclared(PGM):
        rounds: int | None = 1

    @dataclass(kw_only=True)
    class Without(PGM):
        rounds: ClassVar[None] = None
        stage2_fields = PGM.stage2_fields - {"rounds"}
        switches = {"cross": ("alternate", "both")}

    @dataclass(kw_only=True)
    class Below(Without):
        rounds = 3

    assert Redeclared().rounds == 1
    for cls in (Redeclared, Without, Below):
        outside._check_settings(cls)


PARTNERS = """
from dataclasses import dataclass
import numpy as np
import torch
from vireid.methods.pgm import PGM
from vireid.neighbours import nearest

@dataclass(kw_only=True)
class Odd(PGM):
    '''Partners in order, or what ``kind`` says.

    Parameters
    ----------
    kind : of slip
    '''
    kind: str = "none"

    def find_partners(self, own):
        v, r = (torch.arange(1 + int(y.max())) for _, y in own.values())
        if self.kind == "slip":
            return v @ torch.ones(1)
        if self.kind == "refused":
            raise ValueError("too few clusters for my rule")
        if self.kind == "passed on":
            nearest(np.ones((3, 2)), -1)
        v, r = torch.where(v < len(r), v, -1), torch.where(r < len(v), r, -1)
        return {"short": (v[1:], r), "large": (v + 100, r), "fractions": (v * 1.0, r),
                "one": (v,), "table": v}.get(self.kind, (v, r))

    def losses(self, batch, encode, epoch):
        for terms in super().losses(batch, encode, epoch):
            if self.kind == "number":
                yield sum(terms.values())
            elif self.kind == "vector":
                yield {name: value[None] for name, value in terms.items()}
            else:
                yield terms
"""
CROSSES = SHORT | {"epochs": (0, 1), "stage2_iterations": 1}


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """Trains the class above, in one of its kinds, as ``vireid train`` does."""
    (tmp_path / "odd_here.py").write_text(dedent(PARTNERS))
    monkeypatch.chdir(tmp_path)

    def train(kind: str):
        built = methods.build("odd_here:Odd", preset="tiny", kind=kind, **CROSSES)
        return fit(toy.net(), built, toy.images(), seed=0)

    yield train
    sys.modules.pop("odd_here", None)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("short", r"shape \(\d+,\) and int64 numbers for the visible clusters"),
        ("large", r"numbers from \d+ to \d+ for the visible clusters"),
        ("fractions", "float32 numbers for the visible clusters"),
        ("one", "gives 1 tables; give two"),
        ("table", "gives 0 tables; give two"),
        ("number", "Odd.losses gives Tensor for a step; yield a dictionary"),
        ("vector", "Odd.losses gives dict for a step; .*a tensor of one number"),
    ],
)
def test_what_a_hook_gives_is_looked_over(odd, kind, says):
    with pytest.raises(ValueError, match=says):
        odd(kind)


def test_tensors_of_partners_train(odd):
    assert odd("none").curves[-1]["steps"] == 1


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("slip", r"odd_here\.py line 21: RuntimeError: .* comes from your own code"),
        ("refused", r"odd_here\.py line 23: ValueError: too few clusters .* your own code"),
        ("passed on", r"odd_here\.py line 25: k=-1"),
    ],
)
def test_an_error_in_a_method_of_ones_own_names_its_line_and_is_no_bug(odd, capsys, kind, says):
    assert boundary.guarded(lambda: odd(kind), "vireid train") == boundary.USER
    said = capsys.readouterr().err
    assert "bug of vireid" not in said and re.search(says, said.splitlines()[-1]), said
    assert ("Traceback" in said) == (kind != "passed on")


def test_unknown_rows_are_refused_before_anything_is_trained(world, tmp_path, monkeypatch):  # noqa: F811
    def never(*_, **__):
        raise AssertionError("something was trained")

    monkeypatch.setattr(rows, "train", never)
    with pytest.raises(ValueError, match="M99"):
        experiment.compare(world, "bmil", ["M2", "M99"], seed=0, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
