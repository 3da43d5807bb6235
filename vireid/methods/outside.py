"""Methods that live outside the package: "module:Class", imported as Python imports anything."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from vireid.methods.base import Method


def loaded(name: str) -> type[Method]:
    """The class that "module:Class" names; the module may lie in the present folder.

    Raises ValueError for a module that cannot be imported, and for a class that is not there or is
    no ``Method``; it says what to do.
    """
    module, _, path = name.partition(":")
    try:
        with _present_folder():
            found = import_module(module)
    except Exception as error:  # whatever a stranger's module does when it is imported
        raise ValueError(
            f"method {name!r}: {module!r} cannot be imported ({type(error).__name__}: {error}); "
            f"run from the folder that holds {module.partition('.')[0]}.py, or set PYTHONPATH to it"
        ) from error
    for part in path.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise ValueError(f"method {name!r}: {module} has no class {path!r}; look at its spelling")
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise ValueError(
            f"method {name!r}: {path} is no method; let it inherit from one, e.g. "
            "vireid.methods.bmil.BMIL, or from vireid.methods.base.Method"
        )
    return found


@contextmanager
def _present_folder() -> Iterator[None]:
    """The present folder among the places of modules, last, as ``python -m`` has it first."""
    here = os.getcwd()  # noqa: PTH109
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)
