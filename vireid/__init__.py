"""vireid: unsupervised visible-infrared person re-identification, one room per idea.

``import vireid`` costs nothing: a room (``vireid.jaccard``, ``vireid.methods``, ...) is loaded when
it is first touched, because torch and its friends take seconds and every notebook kernel pays them.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = [
    "association",
    "bias",
    "checks",
    "clustering",
    "data",
    "evaluation",
    "exchange",
    "experiment",
    "features",
    "identity",
    "jaccard",
    "losses",
    "memory",
    "methods",
    "models",
    "neighbours",
    "plots",
    "progress",
    "runs",
    "sharding",
    "training",
    "types",
    "widgets",
]


def __getattr__(name: str):
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'vireid' has no room {name!r}; rooms: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
