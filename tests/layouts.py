"""Small trees in the official layouts of the benchmarks, made by the tests that read them.

And, where the split files lie beside the checkout, the official trees without their pictures.
"""

import hashlib
import struct
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vireid.data.benchmarks.regdb import FOLDERS, WORDS
from vireid.types import Modality

PROTOCOL = Path(__file__).resolve().parents[1].parent / "shared/realdata/protocol"
real = pytest.mark.skipif(not PROTOCOL.is_dir(), reason=f"needs the split files of {PROTOCOL}")


def picture(path: Path, mode: str = "RGB") -> Path:
    """A tiny PNG under whatever name: content, not suffix, decides how it is read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (3, 6), 77 if mode == "L" else (10, 20, 30, 40)[: len(mode)]).save(path, "PNG")
    return path


def shown(path: Path, modality: Modality) -> Path:
    """A picture like no other: dyed for visible, grey for infrared."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.frombuffer(
        hashlib.sha256(str(path.relative_to(path.parents[2])).encode()).digest()[:18], np.uint8
    )
    pixels = pixels.reshape(6, 3, 1).repeat(3, axis=2) // 2
    pixels[..., 0] += np.uint8(90 * (modality == Modality.VISIBLE))
    Image.fromarray(pixels).save(path, "PNG")
    return path


def bomb(width: int, height: int) -> bytes:
    """A PNG whose head claims a huge picture, in 60 bytes."""
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT", b"IEND"]
    packed = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


SYSU_PEOPLE = {  # person -> camera -> number of pictures
    1: {1: 3, 2: 4, 3: 2, 4: 3, 5: 2, 6: 2},
    2: {1: 2, 3: 2, 4: 2},
    10: {2: 2, 6: 3},
    6: {1: 5, 2: 6, 3: 3, 4: 5, 5: 4, 6: 2},
    17: {2: 7, 3: 2, 4: 12, 6: 3},
    104: {1: 4, 4: 6, 5: 3, 6: 1},
}


def sysu(root: Path) -> Path:
    """Six people of SYSU-MM01."""
    for person, cameras in SYSU_PEOPLE.items():
        for camera, n in cameras.items():
            for i in range(1, n + 1):
                shown(
                    root / f"cam{camera}" / f"{person:04d}" / f"{i:04d}.jpg",
                    Modality(camera in (3, 6)),
                )
    (root / "exp").mkdir()
    for part, line in (("train", "2,1\n"), ("val", "10\n"), ("test", "104, 6,17\n")):
        (root / "exp" / f"{part}_id.txt").write_text(line)
    return root


def regdb_name(modality: Modality, person: int, i: int) -> str:
    folder, letter = (("Visible", "v"), ("Thermal", "t"))[modality]
    return f"{folder}/{person}/male_front_{letter}_{i:05d}_{person}.bmp"


def regdb(root: Path) -> Path:
    """Four people, two pictures each; ten splits of two and two."""
    for person in range(1, 5):
        for modality in Modality:
            for i in range(2):
                shown(root / regdb_name(modality, person, i), modality)
    (root / "idx").mkdir()
    for trial in range(1, 11):
        people = list(np.random.default_rng(trial).permutation(4) + 1)
        for part, chosen in (("train", people[:2]), ("test", people[2:])):
            for modality, word in ((Modality.VISIBLE, "visible"), (Modality.INFRARED, "thermal")):
                lines = [
                    f"{regdb_name(modality, person, i)} {label}"
                    for label, person in enumerate(chosen)
                    for i in (1, 0)  # not sorted: the file's order counts
                ]
                (root / f"idx/{part}_{word}_{trial}.txt").write_text("\n".join(lines))
    return root


LLCM_TEST = {  # person -> modality word -> camera -> pictures
    7: {"vis": {1: 3, 3: 4, 9: 2}, "nir": {1: 3, 4: 2}},
    351: {"vis": {2: 2, 3: 5}, "nir": {9: 4, 2: 3}},
    20: {"vis": {5: 3}, "nir": {5: 6}},
}


MODALITY = {"vis": Modality.VISIBLE, "nir": Modality.INFRARED}


def llcm_name(person: int, camera: int, i: int, word: str) -> str:
    return f"{person:04d}_c{camera:02d}_s{9000 - i}_f{100 + i}_{word}.jpg"


def llcm(root: Path) -> Path:
    """Two training and three test people of LLCM, with the test copies."""
    index = defaultdict(list)
    for word in ("vis", "nir"):
        for label, person in enumerate((3, 12)):
            name = f"{word}/{person:04d}/{llcm_name(person, 6, 1, word)}"
            shown(root / name, MODALITY[word])
            index[f"train_{word}"].append(f"{name} {label}")
        for camera in range(1, 10):
            if (word, camera) != ("nir", 3):
                (root / f"test_{word}/cam{camera}").mkdir(parents=True)
        for person, modalities in LLCM_TEST.items():
            for camera, n in modalities[word].items():
                for i in range(n):
                    name = llcm_name(person, camera, i, word)
                    own = shown(root / word / f"{person:04d}" / name, MODALITY[word])
                    copy = root / f"test_{word}/cam{camera}/{person:04d}" / name
                    copy.parent.mkdir(exist_ok=True)
                    copy.write_bytes(own.read_bytes())
                    index[f"test_{word}"].append(f"{word}/{person:04d}/{name} {person}")
    (root / "idx").mkdir()
    for part, lines in index.items():
        (root / f"idx/{part}.txt").write_text("\n".join(lines) + "\n")
    (root / "idx/test_id.txt").write_text("351,7,20\n")
    return root


def official_counts() -> tuple[np.ndarray, dict[str, list[int]]]:
    """Pictures of SYSU-MM01 by (camera, person), from the official permutations, and its splits.

    Training and test people are named in the split files; those of the validation part are the
    rest that both modalities have seen.
    """
    from scipy.io import loadmat

    stored = loadmat(PROTOCOL / "sysu_rand_perm_cam.mat")["rand_perm_cam"]
    counts = np.zeros((7, 534), dtype=int)
    for camera in range(1, 7):
        for person, (order,) in enumerate(stored[camera - 1, 0], 1):
            counts[camera, person] = order.shape[1]
    ids = {p: loadmat(PROTOCOL / f"sysu_{p}_id.mat")["id"].ravel() for p in ("train", "test")}
    both = (counts[[1, 2, 4, 5]].sum(0) > 0) & (counts[[3, 6]].sum(0) > 0)
    ids["val"] = np.setdiff1d(np.flatnonzero(both), np.concatenate(list(ids.values())))
    return counts, {part: people.tolist() for part, people in ids.items()}


def official_sysu(root: Path) -> Path:
    """SYSU-MM01's split files and empty camera folders; ``official_listing`` fills them."""
    (root / "exp").mkdir(parents=True)
    for part, members in official_counts()[1].items():
        (root / f"exp/{part}_id.txt").write_text(",".join(map(str, members)) + "\n")
    for camera in range(1, 7):
        (root / f"cam{camera}").mkdir()
    return root


def official_listing() -> Callable[[Path], list[Path]]:
    """Stands for ``sysu.pictures``: lists 45,863 pictures without 45,863 files."""
    counts, _ = official_counts()

    def pictures(folder: Path) -> list[Path]:
        n = counts[int(folder.parent.name[3:]), int(folder.name)]
        return [folder / f"{i + 1:04d}.jpg" for i in range(n)]

    return pictures


def official_regdb(root: Path, *, each: int = 10) -> Path:
    """RegDB's ten official splits as index files of ``each`` pictures a person; no pictures."""
    from scipy.io import loadmat

    stored = loadmat(PROTOCOL / "regdb_split.mat")
    (root / "idx").mkdir(parents=True)
    for folder in (
        root / name / str(person) for name in FOLDERS.values() for person in range(1, 413)
    ):
        folder.mkdir(parents=True)
    for trial in range(1, 11):
        for part in ("train", "test"):
            people = stored[f"{part.title()}Idx"][trial - 1]
            for modality, word in WORDS.items():
                lines = [
                    f"{regdb_name(modality, person, i)} {label}"
                    for label, person in enumerate(people)
                    for i in range(each)
                ]
                (root / f"idx/{part}_{word}_{trial}.txt").write_text("\n".join(lines))
    return root


def official_llcm(root: Path) -> Path:
    """LLCM's index files in the official numbers with made-up names; no pictures."""
    sizes = {
        ("train", "vis"): (1, 713, 16946),
        ("train", "nir"): (1, 713, 13975),
        ("test", "vis"): (714, 351, 8680),
        ("test", "nir"): (714, 351, 7166),
    }
    (root / "idx").mkdir(parents=True)
    (root / "idx/test_id.txt").write_text(",".join(map(str, range(714, 714 + 351))))
    for folder in (root / word / f"{p:04d}" for word in MODALITY for p in range(1, 714 + 351)):
        folder.mkdir(parents=True)
    for (part, word), (first, people, n) in sizes.items():
        lines = []
        for i in range(n):
            person = first + i % people
            name = llcm_name(person, 1 + i % 2, i, word)
            lines.append(f"{word}/{person:04d}/{name} {person}")
        (root / f"idx/{part}_{word}.txt").write_text("\n".join(lines))
    return root
