"""``files``: your own pictures, from a table or from plain folders.

A table is one CSV file at the top of the folder, with the columns ``path`` and ``modality`` and, if
known, ``camera``, ``identity`` and ``split``; others only beside all of these. Without a table the
folders tell: ``train|query|gallery/visible|infrared/ID/*.jpg``, or the pictures without ID folders,
of any kind that ``files.picture`` opens.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import count, product
from pathlib import Path

from PIL import Image

from vireid import files
from vireid.data.benchmarks import DIRECTIONS
from vireid.data.benchmarks.files import Row, choose, pictures, table, trial_number
from vireid.types import Images, Modality

TITLE = "your own pictures"
NAMES = ("files",)
SPLITS = ("train", "query", "gallery")
SIZE = (128, 64)  # height, width
LARGEST = 2**63 - 1  # of numbers that tables hold
NOBODY = "-1"  # the name of unknown people, as an empty one
UNKNOWN = -1  # identity of a picture of nobody knows whom
FOREIGN = ("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF")  # Pillow knows but cannot open by itself
LITTER = ("thumbs.db", "desktop.ini", "@eadir")  # of file managers; nobody misses it
SEPARATORS = {";": "semicolons", "\t": "tabs"}  # that spreadsheets write, too
COLUMNS = ("path", "modality")  # the others may be missing
HEAD = (*COLUMNS, "camera", "identity", "split")
WORDS = {
    **dict.fromkeys(("visible", "vis", "v", "rgb"), Modality.VISIBLE),
    **dict.fromkeys(("infrared", "ir", "i", "nir", "thermal", "t"), Modality.INFRARED),
}


class NoneMarked(ValueError):
    """A direction whose query or gallery nobody marked."""


@dataclass(frozen=True)
class Picture:
    """One picture as table or folders tell it; ``identity`` is "" when unknown, ``camera`` None."""

    path: Path
    modality: Modality
    camera: int | None
    identity: str
    split: str


def load(
    root: Path, *, preset: str = "infrared_to_visible", split: str = "train", trial: int = 0
) -> Images:
    """One split of your own pictures.

    Parameters
    ----------
    root : folder with the table or with ``train``, ``query`` and ``gallery``, or one that holds
        such a folder as ``files``
    preset : "infrared_to_visible" or "visible_to_infrared", query to gallery
    split : "train" both modalities; "query" and "gallery" one each. Where nothing is marked query
        or gallery, both are taken from the training pictures.
    trial : 0; nothing is drawn

    Rows stand in the order of the table, or of the folders by name, visible first. Identities are
    the numbers given; names are numbered from 1 in alphabetical order, over all splits. A picture
    without one gets -1 in training and stands in no query or gallery; where a split knows nobody,
    ``identity`` is None: training works, scores do not. Without cameras all visible pictures are
    camera 1 and all infrared ones camera 2, or the next numbers that no camera has. Scores follow
    protocol "llcm": an answer of the query's own person *and* camera is left out, which leaves out
    nothing when cameras are unknown.

    Raises
    ------
    FileNotFoundError : no table and no such folders, or a listed picture that is not there
    ValueError : a malformed line (file and line are named), an unknown column where one of the five
        is missing, a path that leads out of the folder or is listed twice, a training split without
        one of the modalities; pictures in a folder below a person's, two people's folders of one
        number, e.g. 7 and 007
    """
    choose(preset, DIRECTIONS[::-1], "preset")
    trial_number(trial, range(1), f"{TITLE!r}, where nothing is drawn,")
    folder = find(root)
    found = read(folder)
    numbers = numbered(picture.identity for picture in found)
    if split == "train":
        chosen = _to_train_on(found, folder)
    else:
        chosen = _to_score(found, folder, split, preset)
    chosen.sort(key=lambda picture: picture.modality)  # visible first; the sort is stable
    rows = [Row(p.path, p.modality, p.camera, numbers.get(p.identity, UNKNOWN)) for p in chosen]
    images = table(rows, f"files {folder.name} {split}", SIZE)
    return images.blind() if (images.identity == UNKNOWN).all() else images


def _to_train_on(found: list[Picture], folder: Path) -> list[Picture]:
    """Both modalities must be there."""
    chosen = [picture for picture in found if picture.split == "train"]
    for modality in Modality:
        if all(picture.modality != modality for picture in chosen):
            raise ValueError(f"{folder} has no {modality.word} pictures to train on; add some")
    return chosen


def _to_score(found: list[Picture], folder: Path, split: str, preset: str) -> list[Picture]:
    """One modality of query or gallery; where some have an identity, those without are left out."""
    modality = Modality(DIRECTIONS.index(preset))  # of the query
    if split == "gallery":
        modality = modality.other
    wanted = "train" if {picture.split for picture in found} <= {"train"} else split
    chosen = [p for p in found if (p.split, p.modality) == (wanted, modality)]
    if not chosen:
        raise NoneMarked(
            f"{folder} has no {modality.word} pictures marked {wanted}, as preset={preset!r} wants"
            f"; add some or take the other direction ({' or '.join(DIRECTIONS)})"
        )
    return [picture for picture in chosen if picture.identity] or chosen


def find(root: Path) -> Path:
    """The folder with the table or the splits: ``root`` or ``root/files``."""
    root = Path(root)
    for folder in (root, *(root / name for name in NAMES)):
        if recognised(folder):
            return folder
    raise FileNotFoundError(
        f"no pictures of your own in {root}: neither a table *.csv with the columns "
        f"{', '.join(COLUMNS)} nor folders {'|'.join(SPLITS)}/visible|infrared. "
        "vireid data template FOLDER writes an example; then pass root= or set VIREID_DATA."
    )


def recognised(folder: Path) -> bool:
    """Whether there is a table or one of the folders of the plain layout."""
    return bool(tables(folder)) or any(_split_like(folder / split) for split in SPLITS)


def _split_like(folder: Path) -> bool:
    """Whether it holds a modality's folder, as ``train``, ``query`` and ``gallery`` do."""
    return any((folder / modality.word).is_dir() for modality in Modality)


def tables(folder: Path) -> list[Path]:
    """CSV files at the top of the folder whose head line has the columns of a table."""
    found = sorted(f for f in folder.glob("*.csv") if f.is_file()) if folder.is_dir() else ()
    return [f for f in found if {name.lower() for name in _head(f)}.issuperset(COLUMNS)]


def read(folder: Path) -> list[Picture]:
    """All pictures that the folder tells of."""
    found = tables(folder)
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise ValueError(f"{folder} has several tables of pictures: {names}; keep one")
    for mark, word in SEPARATORS.items():
        if found and mark in _first_line(found[0]):
            raise ValueError(f"{found[0]}, line 1: cells are separated by {word}; use commas")
    told = list(_listed(folder, found[0]) if found else _laid_out(folder))
    _refuse_one_number(folder, {picture.identity for picture in told})
    return _with_cameras(told)


def _with_cameras(found: list[Picture]) -> list[Picture]:
    """Pictures without a camera share one of their modality's own."""
    taken, number = {picture.camera for picture in found}, {}
    for modality in sorted({picture.modality for picture in found if picture.camera is None}):
        free = (n for n in count(modality + 1) if n not in taken)
        taken.add(number.setdefault(modality, next(free)))
    return [p if p.camera is not None else replace(p, camera=number[p.modality]) for p in found]


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Number of each identity: its own where all are whole numbers, else counted from 1.

    Whole numbers beyond 64 bits count as names.
    """
    names = sorted(set(names) - {""})
    if all(name.isdecimal() and int(name) <= LARGEST for name in names):
        return {name: int(name) for name in names}
    return {name: number for number, name in enumerate(names, 1)}


def _listed(folder: Path, file: Path) -> Iterator[Picture]:
    """Pictures of a table, in its order; paths keep their folders."""
    _refuse_unknown(file, _head(file))
    first = {}
    for where, line in files.table(file, COLUMNS, "table of pictures", "Separate it by commas."):
        cell = {name: (line.get(name) or "").strip() for name in HEAD}
        if (word := cell["modality"].lower()) not in WORDS:
            raise ValueError(f"{where}: modality {cell['modality']!r}; write visible or infrared")
        if (split := cell["split"].lower() or "train") not in SPLITS:
            raise ValueError(f"{where}: split {cell['split']!r}; write {', '.join(SPLITS)}")
        camera = cell["camera"]
        if camera and not (camera.isdecimal() and int(camera) <= LARGEST):
            raise ValueError(f"{where}: camera {camera!r}; write a whole number, or leave it empty")
        path = files.inside(folder, cell["path"].replace("\\", "/"), where)
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; {where} lists it")
        if path in first:
            raise ValueError(f"{where}: {cell['path']} stands in {first[path]} already")
        first[path] = where
        identity = "" if cell["identity"] == NOBODY else cell["identity"]
        yield Picture(path, WORDS[word], int(camera) if camera else None, identity, split)


def _refuse_unknown(file: Path, head: list[str]) -> None:
    """ValueError for a name that may be meant for a missing column: ``set`` is no ``split``."""
    for name in head:
        if name not in HEAD and name.lower() in HEAD:
            raise ValueError(f"{file}, line 1: column {name!r}; write {name.lower()}")
    unknown = ", ".join(repr(name) for name in head if name and name not in HEAD)
    if unknown and (missing := ", ".join(name for name in HEAD if name not in head)):
        raise ValueError(
            f"{file}, line 1: unknown column {unknown}, and no column {missing}; the columns are "
            f"{', '.join(HEAD)}. Rename what is meant for one of them; if it is something else, "
            f"add {missing} with empty cells"
        )


def _head(file: Path) -> list[str]:
    """Names of a table's columns as they are written, blanks and quotation marks taken off."""
    words = _first_line(file).translate(str.maketrans(dict.fromkeys(SEPARATORS, ",")))
    return [word.strip().strip('"') for word in words.split(",")]


def _first_line(file: Path) -> str:
    coded = "utf-16" if files.kind(file) == "utf16" else "utf-8-sig"  # to be refused by its name
    with file.open(encoding=coded, errors="replace") as text:
        return next((line for line in text if line.strip()), "")


def _laid_out(folder: Path) -> list[Picture]:
    """Pictures of ``split/modality/ID/`` and of ``split/modality/``, by name."""
    found = []
    for split, modality in product(SPLITS, Modality):
        place = folder / split / modality.word
        for owner in (place, *_people(place)):
            files.inside(folder, str(owner.relative_to(folder)), str(place))
            name = "" if owner == place or owner.name == NOBODY else owner.name
            found += [Picture(p, modality, None, name, split) for p in pictures(owner, suffixes())]
            if owner != place:
                _refuse_nested(owner)
    return found


@cache
def suffixes() -> frozenset[str]:
    """Suffixes, in small letters, of the kinds of picture that ``files.picture`` opens."""
    kinds = set(Image.registered_extensions().values()) & set(Image.OPEN) - set(FOREIGN)
    return frozenset(s for s, kind in Image.registered_extensions().items() if kind in kinds)


def left_out(folder: Path) -> list[Path]:
    """Files and folders inside the plain folders that are not read; hidden ones, litter aside."""
    places = [folder / split / modality.word for split, modality in product(SPLITS, Modality)]
    found = [path for path in _seen(folder) if path.name not in SPLITS and _split_like(path)]
    found += [path for split in SPLITS for path in _seen(folder / split) if path not in places]
    for place in places:
        people = _people(place)
        for owner in (place, *people):
            read = {*people, *pictures(owner, suffixes())}
            found += [path for path in _seen(owner) if path not in read]
    return found


def _seen(folder: Path) -> list[Path]:
    """What a folder holds, by name, without hidden files and litter; nothing when it is none."""
    inside = folder.iterdir() if folder.is_dir() else ()
    return sorted(p for p in inside if p.name[0] != "." and p.name.lower() not in LITTER)


def _people(place: Path) -> list[Path]:
    return [path for path in _seen(place) if path.is_dir()]


def _refuse_nested(person: Path) -> None:
    """ValueError for pictures in folders below a person's: nobody says what these folders are."""
    for nested in _people(person):
        folders = (nested, *(p for p in sorted(nested.rglob("*")) if p.is_dir()))
        if deeper := next(filter(None, (pictures(f, suffixes()) for f in folders)), None):
            raise ValueError(
                f"{deeper[0]} lies in a folder below {person.name}, where no picture is read; put "
                f"it right into {person}, or list all pictures in a table, which also tells cameras"
            )


def _refuse_one_number(folder: Path, names: set[str]) -> None:
    """ValueError for names such as 7 and 007, which would become one person."""
    first: dict[int, str] = {}
    for name, number in numbered(names).items():
        if first.setdefault(number, name) != name:
            raise ValueError(
                f"{folder} has people {first[number]} and {name}, which are one number; give one "
                "person one name, and other people another number"
            )
