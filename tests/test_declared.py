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
