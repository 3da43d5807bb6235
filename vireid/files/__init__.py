"""The one door for files that come from outside; errors say which file, what it is, what to do.

What goes in is somebody's download: cut short, empty, a web page that says "log in", a Git LFS
pointer, an archive under another name. Nothing read here runs code: tensors and numbers only.
"""

import csv
import io
import json
import os
import pickle
import stat
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vireid.files.kinds import (
    ANOTHER,
    FETCH,
    KINDS,
    RESTORE,
    BrokenFile,
    HoldsObjects,
    kind,
)

PICTURE, REFETCH = "picture", "Delete it or fetch it again"
MAX_PIXELS = 2**26  # of one picture, 64 Mi; a person's crop has some 40,000
OPEN_MATLAB = "import sys; from scipy.io import loadmat; loadmat(sys.argv[1])"
OBJECTS = "it holds Python objects, which could run code"
NUMPY_OBJECTS = ("Object arrays cannot be", "Array can't be memory-mapped: Python objects")
SAVE_NUMBERS = "Where the file was made, save numbers alone: numpy.asarray(values, float)"
TENSOR_FILES = (".safetensors", ".pth", ".pt", ".tar", ".npz")


def present(path: str | Path, wanted: str, missing: str = RESTORE) -> Path:
    """The path of a file that can be opened.

    Raises FileNotFoundError when there is none, saying ``missing`` (what to do), and ``BrokenFile``
    for a folder, a device, or a file that may not be read.
    """
    path = Path(path).expanduser()
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        what = "only a link to a lost file" if path.is_symlink() else f"no {wanted} at this path"
        raise FileNotFoundError(f"{what} ({path}). {missing}") from error
    if stat.S_ISDIR(mode):
        raise BrokenFile(wanted, "it is a folder", path, "Give the file itself")
    if not stat.S_ISREG(mode):
        raise BrokenFile(wanted, "it is a device or a pipe", path, "Give a file")
    try:
        path.open("rb").close()
    except PermissionError as error:
        advice = "Change its permissions (chmod u+r)"
        raise BrokenFile(wanted, "you may not read it", path, advice) from error
    return path


def expect(path: str | Path, kinds: Iterable[str], wanted: str, missing: str = RESTORE) -> str:
    """The file's kind; ``BrokenFile`` when it is none of ``kinds``. See ``present``."""
    path = present(path, wanted, missing)
    if (found := kind(path)) not in kinds:
        raise BrokenFile(wanted, KINDS[found][0], path, KINDS[found][1])
    return found


@contextmanager
def reading(path: Path, wanted: str, advice: str = FETCH):
    """Whatever a foreign parser raises inside becomes a ``BrokenFile`` that names the path."""
    try:
        yield
    except BrokenFile:
        raise
    except Exception as error:  # parsers raise what they like on bytes they did not expect
        said = " ".join(str(error).split())[:200] or type(error).__name__
        if said.startswith(NUMPY_OBJECTS):
            raise HoldsObjects(wanted, OBJECTS, path, SAVE_NUMBERS) from error
        raise BrokenFile(wanted, f"it is cut short or damaged ({said})", path, advice) from error


def tensors(path: str | Path, wanted: str = "weights") -> dict:
    """What a .safetensors, .pth, .pt, .pth.tar or .npz file holds, whatever its name.

    A PyTorch file is loaded with ``weights_only=True``: numbers, no objects. Returns what was
    saved, usually tensors by name. Raises FileNotFoundError and ``BrokenFile``.
    """
    import torch

    path = Path(path).expanduser()
    found = kind(present(path, wanted, "Give a .safetensors, .pth or .npz file."))
    if found not in ("safetensors", "npz", "torch", "pickle"):
        words, advice = KINDS[found]
        if path.suffix not in TENSOR_FILES:
            words = f"known endings are {', '.join(TENSOR_FILES)}, and {words}"
        raise BrokenFile(wanted, words, path, advice)
    with reading(path, wanted):
        if found == "safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        if found == "npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        if found == "torch":
            with zipfile.ZipFile(path) as archive:
                if bad := archive.testzip():
                    raise ValueError(f"the check sum of {bad} is not that of its content")
        return _torch_file(path, wanted)


def _torch_file(path: Path, wanted: str) -> dict:
    import torch

    scalar = np._core.multiarray.scalar  # scores saved beside the weights are often numpy scalars
    kinds = [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype]
    kinds += [type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "bool")]
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # of odd pickles, which it then refuses
            path.open("rb") as file,
            torch.serialization.safe_globals(kinds),
        ):
            saved = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported" not in str(error) and "GLOBAL" not in str(error):
            raise BrokenFile(wanted, "it is cut short or damaged", path, FETCH) from error
        found = f"{OBJECTS}, besides tensors"
        advice = (
            "Where the file was made, save the numbers alone: torch.save(model.state_dict(), FILE)"
        )
        raise HoldsObjects(wanted, found, path, advice) from error
    if not isinstance(saved, dict):
        raise BrokenFile(
            wanted, f"it holds a {type(saved).__name__}, not tensors by name", path, ANOTHER
        )
    return saved


def numbers(path: str | Path, wanted: str, missing: str = RESTORE) -> np.ndarray:
    """The array of numbers in a .npy file; its head may not claim more than the file holds."""
    path = Path(path).expanduser()
    expect(path, ("npy",), wanted, missing)
    with reading(path, wanted):
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    if found.dtype.kind not in "fiub":
        raise BrokenFile(wanted, f"it holds {found.dtype}, no numbers", path, ANOTHER)
    return np.array(found)


def matlab(path: str | Path, wanted: str) -> dict:
    """The variables of a MATLAB file (version 5 to 7), by name.

    It is opened in a process of its own first: scipy's compiled reader dies of some damaged files.
    """
    from scipy.io import loadmat

    path = Path(path)
    expect(path, ("mat",), wanted)
    tried = subprocess.run([sys.executable, "-c", OPEN_MATLAB, path], capture_output=True)
    if tried.returncode:
        raise BrokenFile(wanted, "it is cut short or damaged", path, FETCH)
    with reading(path, wanted):
        return loadmat(path)


def text(path: str | Path, wanted: str, missing: str = RESTORE) -> str:
    """A text file in UTF-8 with or without byte order mark; odd bytes in it become U+FFFD."""
    path = Path(path).expanduser()
    expect(path, ("text", "json"), wanted, missing)
    return path.read_text(encoding="utf-8-sig", errors="replace")


def json_object(path: str | Path, wanted: str, missing: str = RESTORE) -> dict:
    """The object {...} that a JSON file holds."""
    path = Path(path).expanduser()
    said = text(path, wanted, missing)
    with reading(path, wanted):
        found = json.loads(said)
    if not isinstance(found, dict):
        raise BrokenFile(wanted, f"it holds a JSON {type(found).__name__}", path, ANOTHER)
    return found


def table(
    path: str | Path, columns: Iterable[str], wanted: str, missing: str = RESTORE
) -> Iterator[tuple[str, dict[str, str]]]:
    """('FILE, line N', the line by column names) of a CSV file with a head line.

    Raises ValueError naming file and line when a column or a cell of ``columns`` is missing.
    """
    path = Path(path).expanduser()
    lines = csv.DictReader(io.StringIO(text(path, wanted, missing), newline=""))
    with reading(path, wanted):
        columns, names = tuple(columns), [name.strip() for name in lines.fieldnames or ()]
        lines.fieldnames = names
    if absent := [c for c in columns if c not in names]:
        raise ValueError(f"{path}, line 1: no column {', '.join(absent)}")
    if twice := [name for i, name in enumerate(names) if name and name in names[:i]]:
        raise ValueError(f"{path}, line 1: column {twice[0]} stands there twice; keep one")
    while True:
        with reading(path, wanted):
            line = next(lines, None)
        if line is None:
            return
        where = f"{path}, line {lines.line_num}"
        if absent := [c for c in columns if not line[c]]:
            raise ValueError(f"{where}: {', '.join(absent)} is empty")
        yield where, line


def inside(folder: Path, name: str, where: str) -> Path:
    """``folder / name``; ValueError when the name or a link on the way leads out of the folder."""
    folder, relative = Path(folder), Path(name)
    path = folder / relative
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"{where}: {name!r} must be a path inside {folder}")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{where}: {name!r} is a link out of {folder}; put the file itself there")
    return path


def picture(path: str | Path) -> np.ndarray:
    """A picture as uint8 RGB (h, w, 3); grey is repeated in three channels.

    Pictures of more than 8 bits (raw thermal frames) are stretched linearly from their own lowest
    to their own highest value to 0..255; one that is the same everywhere keeps the upper 8 of 16
    bits. Raises FileNotFoundError, and ``BrokenFile`` for what is no picture or is larger than
    ``MAX_PIXELS``.
    """
    from PIL import Image, ImageOps

    path = Path(path).expanduser()
    try:
        file = Image.open(path)
    except Exception as error:  # now, and only now, it is worth a second look
        if isinstance(error, Image.DecompressionBombError):
            raise _too_large(path) from error
        expect(
            path, ("picture", "other", "text"), PICTURE, "Fetch it again or take it off its list."
        )
        raise BrokenFile(PICTURE, "it is of no known kind of picture", path, REFETCH) from error
    with file, reading(path, PICTURE, REFETCH):
        if file.width * file.height > MAX_PIXELS:
            raise _too_large(path)
        ImageOps.exif_transpose(file, in_place=True)  # as a viewer shows it
        if file.mode in ("F", "I") or file.mode.startswith("I;"):
            return _stretched(np.asarray(file), path)
        return np.asarray(file.convert("RGB"))


def looks(paths: Sequence[Path]) -> Iterator[bytes]:
    """Each picture file in few bytes: path below the folder of all, size, 1 KiB from its middle.

    Names and sizes are not enough: pictures without compression are all of one size.
    """
    folder = os.path.commonpath([path.parent for path in paths]) if paths else ""
    for path in paths:
        with present(path, PICTURE).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(size // 2)
            yield f"{path.relative_to(folder).as_posix()}:{size}\n".encode() + file.read(1024)


def _too_large(path: Path) -> BrokenFile:
    found = f"its head claims more than {MAX_PIXELS:,} pixels"
    return BrokenFile(PICTURE, found, path, "Cut people out of it first, or delete it")


def _stretched(values: np.ndarray, path: Path) -> np.ndarray:
    """Deep grey (h, w) as uint8 RGB, from its lowest to its highest value."""
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise BrokenFile("picture", "it holds NaN or infinite values", path, FETCH)
    low, high = values.min(), values.max()
    if low == high:
        grey = np.full(values.shape, np.clip(low // 256, 0, 255))
    else:
        grey = (values - low) * (255 / (high - low))
    return np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, axis=2)
