"""Run a function on an exercise's cases, and say in words where two functions differ."""

import dis
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import torch

SEED = 13
READS = {dis.opname[i] for i in (*dis.haslocal, *dis.hasname, *dis.hasfree)}  # any name
SINGLE = 4  # bytes of single precision, which agrees to the digits that are compared


@dataclass(frozen=True, eq=False)
class Run:
    """What came of one case: the result or the error, gradients, a change of the arguments."""

    words: str
    result: object = None
    error: Exception | None = None
    gradients: tuple = ()
    changed: bool = False
    arguments: tuple = field(default=(), repr=False)


def run(function, exercise) -> list[Run]:
    """The function on every case, each with arguments of its own; an error ends that case only."""
    cases = exercise.cases(torch.Generator().manual_seed(SEED))
    with torch.random.fork_rng(devices=[]):
        return [_one(function, words, given, exercise.gradient) for words, given in cases]


def _one(function, words: str, given: tuple, gradient: tuple[int, ...]) -> Run:
    mine = tuple(_copy(value, i in gradient) for i, value in enumerate(given))
    try:
        result = function(*mine)
        gradients = _gradients(result, mine, gradient)
    except Exception as error:  # a student's function may raise anything; it is told, not hidden
        return Run(words, error=error)
    changed = any(
        not _alike(_array(a), _array(b)) for a, b in zip(mine, given, strict=True) if _holds(a)
    )
    return Run(words, result, None, gradients, changed, given)


def _copy(value, learns: bool):
    if torch.is_tensor(value):
        return value.clone().requires_grad_(learns)
    return value.copy() if isinstance(value, np.ndarray) else value


def _holds(value) -> bool:
    return torch.is_tensor(value) or isinstance(value, np.ndarray)


def _gradients(result, mine: tuple, gradient: tuple[int, ...]) -> tuple:
    """Gradient of the result's sum to each named argument, None where none arrives."""
    if not gradient:
        return ()
    if not torch.is_tensor(result) or not result.requires_grad:
        return (None,) * len(gradient)
    return torch.autograd.grad(result.sum(), [mine[i] for i in gradient], allow_unused=True)


def is_stub(function, runs: list[Run]) -> bool:
    """Whether nothing is written yet: a body without a name in it that gives None or ``...``, or
    one that raises NotImplementedError. A body that works and forgets its ``return`` is none.
    """
    if all(isinstance(one.error, NotImplementedError) for one in runs):
        return True
    code = getattr(function, "__code__", None)
    works = code is None or any(step.opname in READS for step in dis.get_instructions(code))
    return not works and all(one.result is None or one.result is Ellipsis for one in runs)


def told(error: Exception) -> str:
    """An error in a line; what torch says of in-place steps, in a student's words."""
    if "in-place operation" in str(error) or "inplace operation" in str(error):
        return (
            "a step such as x /= y or x[i] = y overwrites numbers that the gradient still needs; "
            "write x = x / y, or work on x.clone()"
        )
    return f"{type(error).__name__}: {error}"


def first_difference(runs: list[Run], wanted: list[Run]) -> str:
    """Where the first differs from the second, in a sentence; empty when nowhere."""
    for mine, right in zip(runs, wanted, strict=True):
        told = _difference(mine.result, right.result)
        if not told and mine.changed and not right.changed:
            told = "the function changes its arguments; work on a copy"
        if not told:
            told = _gradient_difference(mine.gradients, right.gradients)
        if told:
            return f"on {mine.words}: {told}"
    return ""


def _difference(mine, right) -> str:
    if isinstance(right, tuple):
        if not isinstance(mine, tuple | list) or len(mine) != len(right):
            return f"{len(right)} results are wanted, as a tuple"
        told = (_difference(a, b) for a, b in zip(mine, right, strict=True))
        return next((f"result {i}: {t}" for i, t in zip(count(1), told, strict=False) if t), "")
    if mine is None:
        return "nothing comes back; does it end with return?"
    try:
        a, b = _array(mine), _array(right)
    except (TypeError, ValueError, RuntimeError):
        return f"a result of type {type(mine).__name__} cannot be compared"
    if a.shape != b.shape:
        return f"the result has shape {a.shape}, expected {b.shape}"
    if _kind(a) != _kind(b):
        return f"the result holds {_kind(a)}, expected {_kind(b)}"
    if a.dtype.kind == "f" and (size := _size(mine)) < SINGLE:
        return f"the result has {size} bytes a number, give {SINGLE} or more: digits were lost"
    if _alike(a, b):
        return ""
    at = np.unravel_index(_worst(a, b), b.shape) if b.ndim else ()
    where = f"entry {tuple(map(int, at))} is" if b.ndim else "the result is"
    return f"{where} {a[at]:.6g}, expected {b[at]:.6g}"


def _gradient_difference(mine: tuple, right: tuple) -> str:
    for a, b in zip(mine, right, strict=True):
        if a is None and b is not None:
            return "the value is right, but no gradient flows back; was something detached?"
        if b is not None and not _alike(_array(a), _array(b)):
            return "the value is right, its gradient is not; is a part detached that should learn?"
    return ""


def _array(value) -> np.ndarray:
    if torch.is_tensor(value):
        value = value.detach().cpu()
        return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    found = np.asarray(value)
    if found.dtype.kind not in "biuf":
        raise TypeError("no array of numbers")
    return found


def _size(value) -> int:
    """Bytes that a number of the result takes; plain numbers of Python are doubles."""
    return value.dtype.itemsize if torch.is_tensor(value) else np.asarray(value).dtype.itemsize


def _kind(a: np.ndarray) -> str:
    return {"b": "true and false", "i": "whole numbers", "u": "whole numbers"}.get(
        a.dtype.kind, "fractions"
    )


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True)


def _worst(a: np.ndarray, b: np.ndarray) -> int:
    if a.dtype.kind == "b":
        return int(np.argmax(a != b))
    return int(np.nanargmax(np.abs(np.nan_to_num(a, nan=1e30) - np.nan_to_num(b, nan=1e30))))
