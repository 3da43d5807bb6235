"""What a setting may be: its declared type, its choices and its range, checked in one place.

The types are the dataclass's own annotations; ``choices``, ``ranges`` and ``relations`` stand
beside the fields as class attributes. Python, the command line, widgets and sweeps all come through
``value``.
"""

import ast
import math
import types
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from inspect import get_annotations, signature
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

FIELDS = "__dataclass_fields__"  # where a dataclass keeps them
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
WORDS = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}


@cache
def hints(cls: type) -> dict[str, Any]:
    """Field -> declared type, of a dataclass.

    Raises ValueError for a class with annotated fields that no ``@dataclass`` has made settings.
    """
    found = get_type_hints(cls)
    for part in cls.__mro__:
        own = [name for name in get_annotations(part) if not _of_the_class(found[name])]
        if own and FIELDS not in vars(part):
            raise ValueError(
                f"{part.__name__} has {', '.join(own)}, and nothing makes them settings; write "
                "@dataclass(kw_only=True) above the class"
            )
        _check_typed(part, found)
    return {f.name: found[f.name] for f in fields(cls)}


def _check_typed(part: type, found: dict[str, Any]) -> None:
    """ValueError for a value of a setting that a dataclass would not see, for want of a type."""
    inherited = {name for base in part.__bases__ for name in getattr(base, FIELDS, {})}
    bare = (inherited & vars(part).keys()) - get_annotations(part).keys()
    if bare := sorted(name for name in bare if not _of_the_class(found[name])):
        typed = ", ".join(f"{name}: {_source(found[name])} = ..." for name in bare)
        raise ValueError(
            f"{part.__name__} gives {', '.join(bare)} a value and no type, which changes nothing; "
            f"write {typed}"
        )


def _source(hint) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def _of_the_class(hint) -> bool:
    return hint is ClassVar or get_origin(hint) is ClassVar


def value(cls: type, name: str, given):
    """A field's value from what somebody gave: of the declared type, text read by it.

    Raises ValueError naming field, value and what fits. Unknown fields are the caller's to refuse.
    """
    known = _choices(cls).get(name, ())
    return given if given in known else _fitting(hints(cls)[name], name, given, known)


def arguments(call, given: dict) -> dict:
    """Arguments of a call by name, each of its annotated type; ValueError as in ``value``."""
    known = signature(call, eval_str=True).parameters
    return {name: _fitting(known[name].annotation, name, v) for name, v in given.items()}


def _fitting(hint, name: str, given, known=()):
    try:
        return _as(hint, given)
    except (ValueError, TypeError, SyntaxError, OverflowError) as error:
        fits = f"; known: {', '.join(map(str, known))}" if known else f": give {words(hint)}"
        raise ValueError(f"{name}={given!r}{fits}") from error


def check(settings) -> None:
    """Put every field to its declared type, in place; ValueError for what does not fit.

    ``choices`` (field -> values), ``ranges`` ((fields with blanks between, test of a value, what to
    do); None passes) and ``relations`` (the same with a test of all ``settings``) are gathered from
    all classes of the dataclass.
    """
    cls = type(settings)
    for name in hints(cls):
        object.__setattr__(settings, name, value(cls, name, getattr(settings, name)))
    for name, known in _choices(cls).items():
        if (given := getattr(settings, name)) not in known:
            raise ValueError(f"{name}={given!r}; known: {', '.join(map(str, known))}")
    for names, fits, advice in _gathered(cls, "ranges"):
        for name in names:
            given = getattr(settings, name)
            if given is not None and not fits(given):
                raise ValueError(f"{_shown(name, given)}: {advice}")
    for names, fits, advice in _gathered(cls, "relations"):
        if not fits(settings):
            given = ", ".join(_shown(name, getattr(settings, name)) for name in names)
            raise ValueError(f"{given}: {advice}")


def _shown(name: str, given) -> str:
    return f"{name}={given:g}" if isinstance(given, float) else f"{name}={given!r}"


def words(hint) -> str:
    """What a type takes, in words: "a whole number or None"."""
    if hint is type(None):
        return "None"
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(words(option) for option in get_args(hint))
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if get_origin(hint) is tuple:
        of = get_args(hint)
        each = words(of[0]).removeprefix("a ")
        return f"{each}s, e.g. (4, 6)" if of[-1] is ... else f"{len(of)} {each}s, e.g. (4, 6)"
    return WORDS.get(hint, getattr(hint, "__name__", str(hint)))


def _choices(cls: type) -> dict[str, tuple]:
    found: dict[str, tuple] = {}
    for part in reversed(cls.__mro__):
        found |= vars(part).get("choices", {})
    kept = hints(cls)
    return {name: known for name, known in found.items() if name in kept}


def _gathered(cls: type, kind: str) -> Iterator[tuple]:
    """(those of the names that are fields, test, what to do) of the rows of all classes."""
    kept = hints(cls)
    for part in cls.__mro__:
        for names, fits, advice in vars(part).get(kind, ()):
            yield [name for name in names.split() if name in kept], fits, advice


def _as(hint, given):
    """``given`` as a value of the type; ValueError or TypeError when it is none."""
    if get_origin(hint) in (Union, types.UnionType):
        return _first_that_fits(get_args(hint), given)
    if hint is type(None):
        if given is None or (isinstance(given, str) and given.lower() in ("none", "null")):
            return None
        raise ValueError("not None")
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint), given)
    if hint is bool:
        return _bool(given)
    if hint in (int, float):
        return _number(hint, given)
    if hint is str:
        if not isinstance(given, str):
            raise TypeError("not a word")
        return given
    return given  # a record of its own, e.g. a Schedule, checks itself


def _first_that_fits(options, given):
    for option in sorted(
        options, key=lambda o: o is not type(None)
    ):  # "none" is None before a word
        try:
            return _as(option, given)
        except (ValueError, TypeError, SyntaxError):
            continue
    raise ValueError("fits nothing")


def _bool(given) -> bool:
    if isinstance(given, str):
        if (word := given.lower()) in YES + NO:
            return word in YES
        raise ValueError("neither true nor false")
    if isinstance(given, Integral) and given in (0, 1):
        return bool(given)
    if isinstance(given, bool) or type(given).__name__ == "bool":
        return bool(given)
    raise TypeError("neither true nor false")


def _number(kind: type, given):
    if isinstance(given, str):
        given = kind(given)
    if isinstance(given, bool) or not isinstance(given, Integral if kind is int else Real):
        raise TypeError("not a number")
    found = kind(given)
    if not math.isfinite(found):
        raise ValueError("not finite")
    return found


def _tuple(of, given) -> tuple:
    if isinstance(given, str):
        given = ast.literal_eval(given)
    if isinstance(given, (int, float)) and of[-1] is ...:
        given = (given,)
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise TypeError("not a row of values")
    given = tuple(given)
    if of[-1] is ...:
        return tuple(_as(of[0], v) for v in given)
    if len(given) != len(of):
        raise ValueError(f"{len(given)} values")
    return tuple(_as(kind, v) for kind, v in zip(of, given, strict=True))


TOLD_OTHERWISE = {"name": "--method", "preset": "--method-preset", "row": "--row (--rows)"}


def switches(pairs: list[str], *, flag: str = "--set") -> dict:
    """``["k1=20", "memory=single"]`` as a dict; values are read as Python where they are.

    Of a field that is given twice the last value holds.
    """
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if name in TOLD_OTHERWISE and flag == "--set":
            raise ValueError(f"--set {pair}: no field; {TOLD_OTHERWISE[name]} tells it")
        if not sign:
            raise ValueError(f"{flag} {pair}: write FIELD=VALUE, e.g. {flag} k1=20")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found
