"""Settings are what their fields declare, wherever they come from."""

import sys
from dataclasses import dataclass
from typing import ClassVar

import pytest

from vireid import methods
from vireid.declared import arguments, hints, value, words
from vireid.methods.base import Method

BMIL = methods.kind("bmil")


@pytest.mark.parametrize("word", ["false", "False", "no", "off", "0", False])
def test_words_for_no_switch_off(word):
    assert methods.build("bmil", split_prototypes=word).config()["split_prototypes"] is False


@pytest.mark.parametrize("word", ["true", "yes", "ON", "1", True])
def test_words_for_yes_switch_on(word):
    assert methods.build("bmil", split_prototypes=word).split_prototypes is True


@pytest.mark.parametrize(
    ("field", "text", "read"),
    [
        ("k1", "20", 20),
        ("eps", "1e-1", 0.1),
        ("global_eps", "none", None),
        ("global_eps", "0.5", 0.5),
        ("memory", "single", "single"),
        ("lqe_per_modality", "None", None),
    ],
)
def test_text_is_read_by_the_declared_type(field, text, read):
    assert value(BMIL, field, text) == read


def test_rows_of_numbers():
    assert methods.value("bmil", "milestones", 4) == (4,)
    assert methods.value("bmil", "milestones", "4, 8") == (4, 8)
    assert methods.value("bmil", "epochs", [1, 2]) == (1, 2)
    assert methods.build("bmil", milestones=4).schedule.milestones == (4,)


WRONG = {  # field and value -> what the error says
    ("epochs", 3): "epochs=3: give 2 whole numbers",
    ("epochs", (0, 0)): r"epochs=\(0, 0\): give \(stage 1, stage 2\)",
    ("eps", "abc"): "eps='abc': give a number",
    ("lr", "nan"): "lr='nan': give a number",
    ("lr", float("inf")): "lr=inf: give a number",
    ("recipe", "none"): "recipe='none'; known: .*pgm",
    ("k1", 2.5): "k1=2.5: give a whole number",
    ("k1", True): "k1=True: give a whole number",
    ("k1", 0): "k1=0: give a whole number >= 1",
    ("split_prototypes", "maybe"): "split_prototypes='maybe': give true or false",
    ("split_prototypes", 2): "split_prototypes=2: give true or false",
    ("global_eps", "wide"): "global_eps='wide': give a number or None",
    ("memory", "big"): "memory='big'; known: single, hybrid",
    ("milestones", "a"): "milestones='a': give whole numbers",
    ("momentum", 0): r"momentum=0: give a weight of the old prototype in \(0, 1\]",
    ("write_order", "vv"): "write_order='vv': give each of v, a, r once",
    ("moves", "before"): "moves='before'; known: after, during",
    ("bn_chunks", 0): "bn_chunks=0: give a whole number >= 1",
}


@pytest.mark.parametrize(("given", "said"), WRONG.items())
def test_what_does_not_fit_names_field_value_and_what_does(given, said):
    field, wrong = given
    with pytest.raises(ValueError, match=said):
        methods.build("bmil", **{field: wrong})


DISTANCE = r"give a radius in \(0, 1\)"
TOGETHER = {  # method, settings -> what the error says; some were found out in stage 2 only
    "keep": ("bmil", {"keep": 1}, "keep=1, split_prototypes=True: .*keep >= 2"),
    "eps": ("dcl", {"eps": 1.0}, f"eps=1: .*{DISTANCE}"),
    "eps of mcf": ("mcf", {"eps": 1.0}, f"eps=1: .*{DISTANCE}"),
    "global_eps": ("bmil", {"global_eps": 1.0}, f"global_eps=1: .*{DISTANCE}"),
    "camera_eps": ("dmdl", {"camera_eps": -1.0}, f"camera_eps=-1: .*{DISTANCE}"),
    "local_eps": ("mcf", {"local_eps": 1.0}, f"local_eps=1: .*{DISTANCE}"),
    "lqe_per_modality": (
        "bmil", {"lqe_per_modality": 16}, r"lqe_per_modality=16, k1=30: .*from 1 to that, or None",
    ),
    "k2": ("dcl", {"k1": 4}, "k1=4, k2=6: .*give k2 from 1 to k1"),
    "k2 of mcf": ("mcf", {"k1": 4}, "k1=4, k2=6: .*give k2 from 1 to k1"),
    "k2 of balanced lists": ("bmil", {"k1": 7, "k2": 7}, "k1=7, k2=7: .*k2 from 1 to twice that"),
    "one neighbour of balanced lists": ("bmil", {"k1": 1, "k2": 1}, "k1=1, k2=1: .*k1 >= 2"),
    "alternate_k1": (
        "dmdl", {"alternate_k1": 4}, "alternate_k1=4, k2=6: .*alternate_k1 >= k2, or None",
    ),
    "joint_k2": (
        "mcf", {"clustering": "joint", "joint_k1": 4}, "joint_k1=4, joint_k2=32: .*from 1 to that",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TOGETHER)
def test_settings_that_no_training_could_end_with_are_refused_when_it_is_built(case):
    name, given, said = TOGETHER[case]
    with pytest.raises(ValueError, match=said):
        methods.build(name, **given)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("bmil", {"keep": 1, "split_prototypes": False}),
        ("bmil", {"keep": 1, "row": "M1"}),
        ("bmil", {"lqe_per_modality": 16, "row": "M2"}),
        ("bmil", {"lqe_per_modality": 15}),
        ("bmil", {"k1": 6, "k2": 6}),
        ("bmil", {"k1": 7, "k2": 7, "row": "M2"}),
        ("dcl", {"k1": 6}),
        ("dmdl", {"alternate_k1": 6}),
        ("dmdl", {"alternate_k1": None}),
        ("dmdl", {"alternate_k1": 4, "row": "prolonged"}),
        ("mcf", {"joint_k1": 4}),
        ("mcf", {"clustering": "joint", "joint_k1": 32}),
        ("mcf", {"local_eps": 0.99}),
    ],
)
def test_settings_that_end_or_that_nothing_reads_are_built(name, given):
    made = methods.build(name, **given)
    assert all(getattr(made, field) == v for field, v in given.items() if field != "row")


@pytest.mark.parametrize("field", ["recipe", "stage2_recipe"])
@pytest.mark.parametrize("name", methods.TABLE)
def test_a_recipe_without_the_second_visible_view_is_refused(name, field):
    if field in hints(methods.kind(name)):
        with pytest.raises(ValueError, match=f"{field}='plain'.*two visible views: adca, pgm"):
            methods.build(name, **{field: "plain"})


def test_relations_are_gathered_from_all_classes_and_look_at_the_whole():
    @dataclass(kw_only=True)
    class Wide(Settled):
        width: float = 0.2
        relations = (("width margin", lambda s: s.width <= s.margin, "give width <= margin"),)

    assert Wide(width=0.3).margin == 0.3
    with pytest.raises(ValueError, match=r"width=0\.4, margin=0\.3: give width <= margin"):
        Wide(width=0.4)
    with pytest.raises(ValueError, match="k1=4, k2=6: "):  # of a parent
        Wide(k1=4)


@pytest.mark.parametrize("name", methods.TABLE)
def test_every_field_takes_its_own_value_back_from_json(name):
    import json

    method = methods.build(name)
    kept = json.loads(json.dumps(method.config()))
    assert methods.again(name, kept).config() == method.config()


@pytest.mark.parametrize("name", methods.TABLE)
def test_every_field_has_a_type_in_words(name):
    for field, hint in hints(methods.kind(name)).items():
        assert words(hint), field


@dataclass(kw_only=True)
class Settled(BMIL):
    margin: float = 0.3


class Bare(Settled):
    warmth: float = 1.0
    title: ClassVar[str] = "bare"


class Silent(Settled):
    title: ClassVar[str] = "adds no field"


def test_fields_that_are_no_settings_are_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "strangers", sys.modules[__name__])
    assert methods.build("strangers:Settled", margin=0.4).margin == 0.4
    assert methods.build("strangers:Silent", margin=0.4).margin == 0.4
    words = "Bare has warmth, .* write @dataclass"
    with pytest.raises(ValueError, match=words):
        methods.build("strangers:Bare", warmth=2)
    with pytest.raises(ValueError, match=words):
        Bare()


def test_arguments_are_read_by_their_annotations():
    def call(width: int = 3, *, name: str | None = None, free=None):
        """Any."""

    given = arguments(call, {"width": "4", "name": None, "free": [1]})
    assert given == {"width": 4, "name": None, "free": [1]}
    with pytest.raises(ValueError, match="width='wide': give a whole number"):
        arguments(call, {"width": "wide"})


@pytest.mark.parametrize("hook", ["loss_weights", "relabel", "batches", "losses"])
def test_a_hook_that_is_not_written_says_so(hook):
    with pytest.raises(NotImplementedError, match=f"Method has no {hook}: write it"):
        getattr(Method(), hook)(*[None] * (getattr(Method, hook).__code__.co_argcount - 1))
