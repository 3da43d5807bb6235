"""What a file is by its first bytes, and the error that says so."""

import pickle
import zipfile
from pathlib import Path

MOST_UNPACKED = 2**31  # bytes of an archive that is packed tighter than 1 : 20, as no weights are
FETCH = "Fetch the file again and compare its size with the source's"
POINTER = "Run git lfs pull in the clone that it came from"
PAGE = "Open it in a browser: most often it asks to log in or to confirm; then fetch the file again"
UNPACK = "Unpack it and give the file inside"
RESTORE = "Look for a slip in the path, or fetch the file again."
ANOTHER = "Give another file, or this one under the option that it belongs to"

# kind -> (what it is in words, what to do when something else was wanted)
KINDS = {
    "empty": ("it is empty, 0 bytes", FETCH),
    "lfs": ("it is a Git LFS pointer, a note that stands for the file", POINTER),
    "html": ("it is a web page or an error message of a server", PAGE),
    "cut zip": ("it is cut short or damaged: a zip archive without its end", FETCH),
    "bomb": (f"it is an archive that unpacks to over {MOST_UNPACKED >> 30} GiB of nothing", FETCH),
    "zip": ("it is a zip archive", UNPACK),
    "archive": ("it is a packed archive (gzip, 7z, rar, xz, bzip2 or tar)", UNPACK),
    "hdf5": ("it is an HDF5 or MATLAB 7.3 file", "Save it again in MATLAB with save(..., '-v7')"),
    "utf16": ("it is text in UTF-16", "Save it again as UTF-8"),
    "torch": ("it holds PyTorch tensors", ANOTHER),
    "pickle": ("it is a Python pickle or an old PyTorch file", ANOTHER),
    "npz": ("it holds numpy arrays (.npz)", ANOTHER),
    "npy": ("it is a numpy array (.npy)", ANOTHER),
    "safetensors": ("it is a safetensors file", ANOTHER),
    "mat": ("it is a MATLAB file", ANOTHER),
    "picture": ("it is a picture", ANOTHER),
    "video": ("it is a video", ANOTHER),
    "pdf": ("it is a PDF document", ANOTHER),
    "json": ("it is JSON text", ANOTHER),
    "text": ("it is text", ANOTHER),
    "other": ("its content is of no known kind, or damaged", FETCH),
}
HEADS = (
    (b"version https://git-lfs", "lfs"),
    *((head, "archive") for head in (b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\xfd7zXZ", b"BZh")),
    (b"\x89HDF", "hdf5"),
    *((head, "utf16") for head in (b"\xff\xfe", b"\xfe\xff")),
    (b"\x93NUMPY", "npy"),
    *((head, "picture") for head in (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")),
    (b"%PDF", "pdf"),
    (b"MATLAB ", "mat"),
    (b"\x80", "pickle"),
)


class BrokenFile(OSError, ValueError):
    """A file that is there but is not what it should be; the text names file, finding and way out.

    Parameters
    ----------
    wanted : what was to be read, e.g. "feature pack"
    found : what is wrong with it, e.g. "it is empty"
    """

    def __init__(self, wanted: str, found: str, path: Path, advice: str):
        name = Path(path).name
        super().__init__(f"cannot read {wanted} {name}: {found} ({path}). {advice.rstrip('.')}.")


class HoldsObjects(BrokenFile, pickle.UnpicklingError):
    """A file of Python objects, which could run code when opened, and is not opened."""


def kind(path: Path) -> str:
    """What a file's first bytes say it is, a key of ``KINDS``."""
    with Path(path).open("rb") as file:
        head = file.read(512)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "empty"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        return "html"
    if head[:4] in (b"PK\3\4", b"PK\5\6"):
        return _zip_kind(path)
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000:
        return "safetensors"
    if head[4:8] == b"ftyp":
        return "video"
    if head[257:262] == b"ustar":
        return "archive"
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "picture"
    if found := next((name for mark, name in HEADS if head.startswith(mark)), None):
        return found
    if start[:1] in (b"{", b"["):
        return "json"
    return "other" if b"\0" in head else "text"


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names, size = archive.namelist(), sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "cut zip"
    if size > max(MOST_UNPACKED, 20 * Path(path).stat().st_size):
        return "bomb"
    if any(name.endswith("/data.pkl") for name in names):
        return "torch"
    return "npz" if names and all(name.endswith(".npy") for name in names) else "zip"
