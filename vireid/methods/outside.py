"""Methods that live outside the package: "module:Class", imported as Python imports anything."""

import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path

from vireid.declared import hints
from vireid.methods.base import Method, Schedule

PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED = {Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "purelib", "platlib")}
_homes: set[Path] = set()  # folders of the modules that methods were loaded from


def loaded(name: str) -> type[Method]:
    """The class that "module:Class" names; the module may lie in the present folder.

    Raises ValueError for a module that cannot be imported, for a class that is not there or is
    no ``Method``, and for one whose settings are not sound; it says what to do.
    """
    module, _, path = name.partition(":")
    if module.endswith(".py") or {"/", os.sep} & set(module):
        stem = Path(module).stem
        raise ValueError(
            f"method {name!r} names a file; give the module, {stem}:{path or 'Class'}, "
            f"from the folder that holds {stem}.py"
        )
    try:
        with _present_folder():
            found = import_module(module)
    except Exception as error:  # whatever a stranger's module does when it is imported
        raise ValueError(
            f"method {name!r}: {module!r} cannot be imported ({type(error).__name__}: {error}); "
            f"{_advice(module, error)}"
        ) from error
    if file := getattr(found, "__file__", None):
        _homes.add(Path(file).resolve().parent)
    for part in path.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise ValueError(f"method {name!r}: {module} has no class {path!r}; look at its spelling")
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise ValueError(
            f"method {name!r}: {path} is no method; let it inherit from one, e.g. "
            "vireid.methods.bmil.BMIL, or from vireid.methods.base.Method"
        )
    _check_settings(found)
    return found


def line_of(error: BaseException) -> str:
    """The last line that an error passed in a loaded method's folder, empty where it passed none.

    In the words "my_method.py line 7".
    """
    return _last(error, lambda file: any(home in file.parents for home in _homes))


def _advice(module: str, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        if f"{module}.".startswith(f"{error.name}."):
            top = module.partition(".")[0]
            return f"run from the folder that holds {top}.py, or set PYTHONPATH to it"
        return f"install {error.name}, or put it beside the module"
    if isinstance(error, SyntaxError) and error.filename:
        return f"mend {Path(error.filename).name} line {error.lineno}"
    line = _last(error, lambda file: file.is_file())
    return f"mend {line}" if line else "give module:Class, e.g. my_method:Mine"


def _last(error: BaseException, wanted) -> str:
    """The last line of a traceback that is neither the package's nor an installed library's."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename).resolve()
        known = any(place in file.parents for place in (PACKAGE, *INSTALLED))
        if not known and wanted(file):
            return f"{file.name} line {frame.lineno}"
    return ""


def _check_settings(cls: type[Method]) -> None:
    """ValueError for settings that training would fail on, or would leave aside without a word."""
    known = {*hints(cls), *hints(Schedule)}
    bare = [f.name for f in fields(cls) if f.default is f.default_factory is MISSING]
    if bare:
        raise ValueError(f"{cls.__name__}: {', '.join(bare)} without a default; give each one")
    for table in ("stage2_fields", "later", "switches"):
        if unknown := sorted(set(getattr(cls, table)) - known):
            raise ValueError(f"{cls.__name__}.{table}: {', '.join(unknown)} is no setting of it")
    for table in ("ranges", "relations"):
        for row in vars(cls).get(table, ()):
            if not (isinstance(row, tuple) and len(row) == 3 and callable(row[1])):
                raise ValueError(
                    f"{cls.__name__}.{table}: give rows of (names, test, what to do), e.g. "
                    '(("floor", lambda v: v >= 0, "give a number >= 0"),)'
                )
            if not known & set(row[0].split()):  # rows that several methods share name more
                raise ValueError(f"{cls.__name__}.{table}: {row[0]} is no setting of it")


@contextmanager
def _present_folder() -> Iterator[None]:
    """The present folder among the places of modules, last, as ``python -m`` has it first."""
    here = os.getcwd()  # noqa: PTH109
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)
