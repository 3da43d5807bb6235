"""Exercises: every solution passes, every slip fails with its own hint; outcomes; progress."""

import ast
import re

import jupytext
import numpy as np
import pytest
import torch

from vireid import bias, checks, progress, workbook
from vireid.checks import kinds, trial
from vireid.types import Embeddings


@pytest.fixture(autouse=True)
def student(tmp_path, monkeypatch):
    """A folder of one's own for what is kept."""
    monkeypatch.setenv("VIREID_STUDENT", str(tmp_path / "student"))
    return tmp_path / "student"


NAMES = checks.exercises()
FUNCTIONS = [n for n in NAMES if isinstance(checks.exercise(n), kinds.Function)]


def test_fifty_exercises_and_three_at_least_for_each_notebook():
    assert len(NAMES) >= 50 and len(set(NAMES)) == len(NAMES)
    for script in workbook.scripts():
        assert len(checks.exercises(script.stem[:2])) >= 3, script.stem
    assert len(FUNCTIONS) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_solution_passes_and_each_slip_gets_its_own_hint(name):
    found = checks.check(name, checks.solution(name))
    assert found.ok and found.outcome == "right", found
    slips = checks.mistakes(name)
    assert len(slips) >= 2
    messages = {}
    for slip, wrong in slips.items():
        answer = checks.check(name, wrong)
        assert not answer.ok and answer.outcome == "wrong", f"{slip}: {answer}"
        assert answer.message == checks.exercise(name).slips[slip][1], f"{slip}: {answer}"
        messages[slip] = answer.message
    assert len(set(messages.values())) == len(messages)
    assert checks.exercise(name).hints


ROUNDED = {
    name: {"two": 2, "three": 3}[found[1].lower()]
    for name in NAMES
    if (found := re.search("(two|three) (decimals|digits)", checks.exercise(name).question, re.I))
}  # exercise -> how many places its answer is asked for with


@pytest.mark.parametrize("name", ROUNDED)
def test_an_answer_rounded_as_asked_is_right(name):
    answer = checks.solution(name)
    assert checks.check(name, round(answer, ROUNDED[name])).ok
    assert not checks.check(name, answer + 2 * 10 ** -ROUNDED[name]).ok


def test_some_answers_are_asked_for_with_so_many_places():
    assert len(ROUNDED) >= 3


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_is_not_written_raises_or_loses_is_told_so(name):
    count = checks.exercise(name).signature.count(",") + 1

    def raises(*a):
        raise KeyError("typo")

    assert checks.check(name, ...).outcome == "not attempted"
    assert checks.check(name, lambda *a: None).outcome == "not attempted"
    assert checks.check(name, lambda *a: ...).outcome == "not attempted"
    assert checks.check(name, 3).outcome == "cannot tell"
    told = checks.check(name, raises)
    assert told.outcome == "raised" and "typo" in told.message and "on " in told.message
    assert checks.check(name, lambda *a: "text").outcome == "wrong"
    assert checks.exercise(name).cases(torch.Generator().manual_seed(0))[0][1].__len__() == count


@pytest.mark.parametrize("name", FUNCTIONS)
def test_solutions_are_the_librarys_on_other_draws(name):
    one = checks.exercise(name)
    for seed in (1, 2):
        cases = one.cases(torch.Generator().manual_seed(seed))
        mine, right = (
            [trial._one(f, words, given, one.gradient) for words, given in cases]
            for f in (one.answer, one.library or one.answer)
        )
        assert not [r.error for r in right if r.error]
        assert trial.first_difference(mine, right) == ""


def test_shape_kind_precision_gradient_and_changed_arguments_are_told():
    right = checks.solution("06-contrast")
    told = checks.check("06-contrast", lambda x, y, b, t: right(x, y, b, t)[None])
    assert "shape (1,), expected ()" in told.message
    for coarse in (torch.float16, torch.bfloat16):
        told = checks.check("06-contrast", lambda *a, dtype=coarse: right(*a).to(dtype))
        assert told.outcome == "wrong" and "digits" in told.message
    told = checks.check("06-contrast", lambda *a: right(*a).detach().numpy().astype(np.float16))
    assert told.outcome == "wrong" and "digits" in told.message
    told = checks.check("06-contrast", lambda x, y, b, t: right(x, y, b, t).detach())
    assert "no gradient flows back" in told.message
    core = checks.solution("03-core")
    assert "true and false" in checks.check("03-core", lambda *a: core(*a).long()).message

    def in_place(x, modality):
        x -= x.mean(0)
        return checks.solution("04-centre")(x, modality)

    assert not checks.check("04-centre", in_place).ok
    sharpened = checks.solution("11-sharpen")

    def spoils(y, beta):
        result = sharpened(y, beta)
        y.zero_()
        return result

    assert "changes its arguments" in checks.check("11-sharpen", spoils).message


@pytest.mark.parametrize(
    "name", ["01-threshold", "02-cmc", "04-mixing", "04-own-share", "06-contrast", "13-gain"]
)
def test_single_precision_is_right_where_the_digits_agree(name):
    """No question names a type, and data, features and most of torch are in single precision."""
    right = checks.solution(name)
    found = checks.check(name, lambda *a: torch.as_tensor(right(*a)).float())
    assert found.ok, found


def test_a_loss_of_rows_with_unlike_numbers_of_positives_is_each_rows_mean_first():
    def log_p(x, bank, t):
        return (torch.nn.functional.normalize(x) @ bank.T / t).log_softmax(1)

    def pooled(x, positive, bank, t):
        return -(log_p(x, bank, t) * positive).sum() / positive.sum()

    def as_the_first_row(x, positive, bank, t):
        return -((log_p(x, bank, t) * positive).sum(1) / positive[0].sum()).mean()

    def own(x, positive, bank, t):
        return -((log_p(x, bank, t) * positive).sum(1) / positive.sum(1)).mean()

    for wrong in (pooled, as_the_first_row):
        found = checks.check("06-multi-positive", wrong)
        assert found.outcome == "wrong" and "row" in found.message, found
    assert checks.check("06-multi-positive", own).ok


def test_the_mean_over_the_batch_is_not_a_sixth_of_the_sum():
    def sixth(p_visible, p_infrared, target, prior):
        mixture = prior[0] * p_visible + prior[1] * p_infrared
        return -mixture[torch.arange(len(target)), target].log().sum() / 6

    found = checks.check("08-cai", sixth)
    assert found.outcome == "wrong" and "on two rows" in found.message, found


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_centred_features_fall_below_chance_whether_the_modality_is_there_or_not(own):
    """What 04-below-chance says: ``own`` is each person's chance part of each modality."""
    person, modality = torch.arange(20).repeat_interleave(16), torch.arange(320) % 2
    for seed in range(3):
        draw = torch.Generator().manual_seed(seed)
        x = torch.randn(20, 192, generator=draw)[person]
        x = x + own * torch.randn(20, 2, 192, generator=draw)[person, modality]
        x = torch.nn.functional.normalize(x + 0.5 * torch.randn(320, 192, generator=draw))
        plain = Embeddings(x, modality, torch.ones(320, dtype=torch.long), person)
        before, after = (
            bias.modality_classifier_accuracy(table, group=person.numpy()).accuracy
            for table in (plain, bias.centre(plain))
        )
        assert 0.4 < before < 0.6 and after < 0.4


def test_numbers_and_letters():
    assert checks.check("01-explained", np.float32(0.36)).ok
    assert checks.check("01-explained", torch.tensor(0.36)).ok
    assert "per cent" in checks.check("01-explained", 36).message
    assert "too large" in checks.check("01-explained", 0.9).message
    for odd in (True, "0.36", [0.36], float("nan"), np.zeros(2), 10**400, -(10**5000)):
        assert checks.check("01-explained", odd).outcome == "cannot tell"
    assert "per cent" not in checks.check("02-squared-distance", 40).message
    for letter in (" B ", "(b)", "b)", "b."):
        assert checks.check("00-given", letter).ok
    assert checks.check("00-given", "").outcome == "cannot tell"
    assert checks.check("00-given", "e").outcome == "cannot tell"
    assert "a, b, c, d" in checks.check("00-given", 2).message


def test_hints_come_in_steps_and_solutions_have_lines():
    first, second, third = (checks.hint("06-contrast") for _ in range(3))
    assert len({first, second, third}) == 3 and third == checks.hint("06-contrast")
    assert "solution" in third and first == checks.hint("06-contrast", step=1)
    with pytest.raises(ValueError, match="1 to 3"):
        checks.hint("06-contrast", step=9)
    assert "\ndef contrast(" in checks.source("06-contrast")
    assert checks.source("06-one-prototype") == "'b'"
    with pytest.raises(ValueError, match="00-chance"):
        checks.check("nonsense", 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_printed_solution_runs_by_itself_and_passes(name):
    lines, space = checks.source(name), {}
    if name in FUNCTIONS:
        exec(lines, space)
        answer = space[checks.exercise(name).signature.partition("(")[0]]
    else:
        answer = ast.literal_eval(lines)
    assert checks.check(name, answer).ok


def test_steps_in_place_are_told_in_a_students_words():
    def softmax(x, target, prototypes, temperature):
        p = (torch.nn.functional.normalize(x) @ prototypes.T / temperature).exp()
        p /= p.sum(1, keepdim=True)
        return -p[torch.arange(len(x)), target].log().mean()

    def argument(x, target, prototypes, temperature):
        x /= x.norm(dim=1, keepdim=True)
        return checks.solution("06-contrast")(x, target, prototypes, temperature)

    for answer in (softmax, argument):
        found = checks.check("06-contrast", answer)
        assert found.outcome == "raised" and "write x = x / y" in found.message, found


def test_a_body_that_forgets_its_return_is_wrong_and_a_stub_is_not_attempted(student):
    def forgets(right):
        last = right.nonzero().max() + 1
        right.sum() / last

    def documented(right):
        """Nothing but words."""

    def later(right):
        raise NotImplementedError("tomorrow")

    found = checks.check("00-mINP", forgets)
    assert found.outcome == "wrong" and "return" in found.message
    assert progress.load()["exercises"] == {"00-mINP": "wrong"}
    for stub in (documented, later):
        assert checks.check("00-mINP", stub).outcome == "not attempted"


def _by_label(label, certainty, other_view):
    w = certainty[:, None]
    return w * torch.nn.functional.one_hot(label) + (1 - w) * other_view


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("09-refined", _by_label),  # as many columns as the batch has labels
        ("09-momentum", lambda belief, delta: 0.2 / belief.clamp(min=0.2)),
    ],
)
def test_answers_that_fit_some_inputs_only_are_not_right(name, wrong):
    assert checks.check(name, wrong).outcome in ("wrong", "raised")


def test_results_are_shown_as_text_and_as_escaped_html():
    found = checks.check("00-given", "<b>")
    assert "cannot tell" in repr(found) and "&lt;b&gt;" in found._repr_html_()
    assert 'role="status"' in found._repr_html_()


def test_progress_is_kept_on_this_machine_and_can_be_reset(student):
    assert progress.load() == {kind: {} for kind in progress.KINDS}
    checks.check("00-chance", ...)
    assert not student.exists(), "nothing to keep for what was not attempted"
    checks.check("00-chance", 0.4)
    checks.check("00-given", "b")
    progress.keep("guesses", "04", 80)
    assert progress.load()["exercises"] == {"00-chance": "wrong", "00-given": "right"}
    assert [p.name for p in student.iterdir()] == ["progress.json"]
    progress.reset()
    progress.reset()
    assert progress.load()["guesses"] == {}
    (student / "progress.json").write_text("[]")
    with pytest.raises(ValueError, match=r"progress\.json"):
        progress.load()
    with pytest.raises(ValueError, match="guesses"):
        progress.keep("nonsense", "a", 1)


@pytest.mark.parametrize("script", workbook.scripts(), ids=lambda p: p.stem)
def test_notebooks_ask_every_exercise_as_it_is_written_here(script):
    cells = jupytext.read(script, fmt="py:percent").cells
    prose = " ".join(" ".join(c.source for c in cells if c.cell_type == "markdown").split())
    code = "\n".join(c.source for c in cells if c.cell_type == "code")
    for name in checks.exercises(script.stem[:2]):
        question = " ".join(checks.exercise(name).question.split())
        assert question in prose, f"{name}: the question differs from vireid/checks"
        assert re.search(rf'check\("{name}", ', code), f"{name} cannot be answered"


def test_an_answer_is_judged_even_where_nothing_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way of a folder")
    monkeypatch.setenv("VIREID_STUDENT", str(tmp_path / "file/student"))
    found = checks.check("00-given", "b")
    assert found.ok and "not kept" in found.message
