"""``import vireid`` is instant, and a room imports only from rooms above it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import vireid
from vireid.identity import CODE, FILES

PACKAGE = Path(vireid.__file__).parent
HEAVY = ("torch", "torchvision", "umap", "ot", "anywidget", "sklearn", "matplotlib", "pandas")

# Upper rooms first. A room may import from rooms above it and from itself.
ROOMS = [
    "__init__",
    "paths",
    "papers",
    "files",
    "progress",
    "serving",
    "declared",
    "arguments",
    "types",
    "identity",
    "gemm",
    "compiled",
    "data",
    "models",
    "features",
    "neighbours",
    "sharding",
    "jaccard",
    "clustering",
    "association",
    "memory",
    "losses",
    "evaluation",
    "pairs",
    "bias",
    "retrieval_task",
    "curves",
    "runs",
    "methods",
    "training",
    "experiment",
    "evidence",
    "warm_start",
    "exchange",
    "plots",
    "widgets",
    "sweep",
    "checks",
    "bench",
    "figures",
    "rehearse",
    "workbook",
    "links",
    "student_copy",
    "site",
    "cli",
    "__main__",
]
# A command that lives beside its data: it trains the synthetic world's starting weights.
COMMANDS = {"pretrain.py"}


def test_import_is_instant_and_light():
    code = (
        "import time; t = time.process_time(); import vireid; t = time.process_time() - t; "
        f"import sys; print(t, [m for m in {HEAVY} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, loaded = out.stdout.split(" ", 1)
    assert loaded.strip() == "[]"
    assert float(seconds) < 0.1


def test_unknown_room_lists_the_known():
    with pytest.raises(AttributeError, match="jaccard"):
        vireid.nonsense  # noqa: B018


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("vireid"):
            parts = node.module.split(".")
            yield from ([parts[1]] if len(parts) > 1 else [a.name for a in node.names])
        elif isinstance(node, ast.Import):
            for name in node.names:
                if name.name.startswith("vireid."):
                    yield name.name.split(".")[1]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.stem))
def test_rooms_import_upwards_only(path):
    own = room_of(path)
    assert own in ROOMS, f"{own} has no place in the order of rooms"
    for other in imports(path):
        if other == own or path.name in COMMANDS:
            continue
        assert ROOMS.index(other) < ROOMS.index(own), f"{path.name} imports {other} from below"


@pytest.mark.parametrize("name", FILES)
def test_code_that_decides_a_training_stands_on_code_that_does(name):
    """What such a file imports is in the code's digest, too; ``identity`` itself makes it."""
    assert set(imports(PACKAGE / f"{name}.py")) <= {*CODE, *FILES, "identity"}
