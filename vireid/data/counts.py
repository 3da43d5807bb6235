"""What ``vireid data check`` counts in each official download, and the right numbers."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from vireid.data import m3svd, m3svd_cut
from vireid.data.benchmarks import llcm, regdb, sysu
from vireid.data.benchmarks.files import Row, table
from vireid.types import Images, Modality

# A sentence, what is counted (it may raise what the loaders raise), the official number or numbers.
Check = tuple[str, Callable[[], object], tuple]
# sha256, 12 digits, of the sorted numbers of wuancong/SYSU-MM01, evaluation/data_split
SYSU_TEST = "d11bc1de3c59"


def words(count: object) -> str:
    """A count, or several joined by +, for people to read."""
    if isinstance(count, tuple):
        return " + ".join(map(words, count))
    return count if isinstance(count, str) else f"{count:,}"


def _sizes(images: Images) -> tuple[int, ...]:
    return tuple(int((images.modality == modality).sum()) for modality in Modality)


def _folders(folder: Path) -> set[str]:
    """People on disk: the numbers that name folders of pictures."""
    return {p.name for p in folder.iterdir() if p.name.isdecimal()} if folder.is_dir() else set()


def checksum(people: list[int]) -> str:
    """12 digits of the sha256 of the sorted numbers, joined by commas."""
    return hashlib.sha256(",".join(map(str, sorted(people))).encode()).hexdigest()[:12]


def valid_queries(query: Images, gallery: Images) -> int:
    """Queries that have a right answer under SYSU-MM01's rule (camera 3 never meets camera 2)."""
    seen = set(zip(gallery.identity.tolist(), gallery.camera.tolist(), strict=True))
    anywhere = {person for person, _ in seen}
    elsewhere = {person for person, camera in seen if camera != 2}
    return sum(
        person in (elsewhere if camera == 3 else anywhere)
        for person, camera in zip(query.identity.tolist(), query.camera.tolist(), strict=True)
    )


def sysu_checks(folder: Path) -> list[Check]:
    """People, training pictures, queries, galleries and answerable queries of SYSU-MM01."""
    load = cache(lambda **options: sysu.load(folder, **options))
    train, query = lambda: load(split="train"), lambda: load(split="query")

    def people() -> tuple[int, int]:
        found = sysu.identities(folder)
        return len(found["train"]), len(found["test"])

    def unlisted() -> int:
        listed = {person for part in sysu.identities(folder).values() for person in part}
        there = {int(name) for camera in range(1, 7) for name in _folders(folder / f"cam{camera}")}
        return len(there - listed)

    def unseen() -> int:
        found = sysu.identities(folder)["train"]
        return sum(len(set(found) - set(train().of(m).identity.tolist())) for m in Modality)

    checks = [
        ("people to train on + to test on", people, ((395, 96),)),
        ("people to train on that lack pictures in a modality", unseen, (0,)),
        ("people on disk that no list names", unlisted, ()),
        (
            "checksum of who is tested on",
            lambda: checksum(sysu.identities(folder)["test"]),
            (SYSU_TEST,),
        ),
        ("training pictures, visible + infrared", lambda: _sizes(train()), ((22258, 11909),)),
        ("queries", lambda: len(query()), (3803,)),
    ]
    for preset, size, answerable in (("all", 301, 3803), ("indoor", 112, 2208)):

        def gallery(preset: str = preset) -> Images:
            return load(split="gallery", preset=preset)

        def valid(gallery: Callable = gallery) -> int:
            return valid_queries(query(), gallery())

        checks += [
            (f"one gallery draw, {preset} search", lambda draw=gallery: len(draw()), (size,)),
            (f"queries with an answer in it, {preset} search", valid, (answerable,)),
        ]
    return checks


def sysu_tables(folder: Path) -> list[Images]:
    """Training and all test pictures of SYSU-MM01."""
    people = sysu.identities(folder)["test"]
    groups = (sysu.groups(folder, people, m, sysu.CAMERAS[m]) for m in Modality)
    test = [row for modality in groups for group in modality for row in group]
    return [sysu.load(folder), table(test, f"{sysu.TITLE} test")]


def regdb_checks(folder: Path) -> list[Check]:
    """People and pictures of RegDB's ten splits; a split that differs is named."""
    rows = cache(lambda part, modality, trial: regdb.listed(folder, part, modality, trial))

    def people(trial: int) -> tuple[int, int]:
        train, test = (
            {row.identity for modality in Modality for row in rows(part, modality, trial)}
            for part in ("train", "test")
        )
        return len(train), len(test)

    def pictures(part: str, trial: int) -> tuple[int, ...]:
        return tuple(len(rows(part, modality, trial)) for modality in Modality)

    def shared(trial: int) -> int:
        train, test = (
            {row.path.parent.name for modality in Modality for row in rows(part, modality, trial)}
            for part in ("train", "test")
        )
        return len(train & test)

    def two_people(trial: int) -> int:
        wrong = 0
        for part in ("train", "test"):
            named = {
                (row.identity, row.path.parent.name)
                for m in Modality
                for row in rows(part, m, trial)
            }
            wrong += len(named) - len({label for label, _ in named})
        return wrong

    def on_disk() -> tuple[int, ...]:
        return tuple(len(_folders(folder / regdb.FOLDERS[modality])) for modality in Modality)

    def in_all(count: Callable[[int], object], official: object) -> Callable[[], object]:
        def first_other() -> object:
            found = ((trial, count(trial)) for trial in regdb.TRIALS)
            other = next((f"{words(n)} in split {t}" for t, n in found if n != official), None)
            return other or official

        return first_other

    counted = [
        ("people to train on + to test on", people, (206, 206)),
        ("training pictures, visible + infrared", lambda t: pictures("train", t), (2060, 2060)),
        ("test pictures, visible + infrared", lambda t: pictures("test", t), (2060, 2060)),
        ("people in training and test at once", shared, 0),
        ("labels that lead to two people", two_people, 0),
    ]
    checks = [(f"{what}, in each of ten splits", in_all(f, n), (n,)) for what, f, n in counted]
    return [*checks, ("people on disk, visible + infrared", on_disk, ((412, 412),))]


def regdb_tables(folder: Path) -> list[Images]:
    """Training and all test pictures of RegDB's first split."""
    test = [row for modality in Modality for row in regdb.listed(folder, "test", modality, 1)]
    return [regdb.load(folder), table(test, f"{regdb.TITLE} test")]


def llcm_checks(folder: Path) -> list[Check]:
    """People and pictures of LLCM's training and test parts."""
    train = cache(lambda: llcm.load(folder))

    @cache
    def test(modality: Modality) -> list[Row]:
        return [row for group in llcm.test_groups(folder, modality) for row in group]

    def people() -> tuple[int, int]:
        tested = {row.identity for modality in Modality for row in test(modality)}
        return len(set(train().identity.tolist())), len(tested)

    def tests() -> tuple[int, ...]:
        return tuple(len(test(modality)) for modality in Modality)

    def on_disk() -> tuple[int, ...]:
        return tuple(len(_folders(folder / llcm.WORDS[modality])) for modality in Modality)

    return [
        ("people to train on + to test on", people, ((713, 351),)),
        ("training pictures, visible + infrared", lambda: _sizes(train()), ((16946, 13975),)),
        ("test pictures, visible + infrared", tests, ((8680, 7166),)),
        ("people on disk, visible + infrared", on_disk, ((1064, 1064),)),
    ]


def llcm_tables(folder: Path) -> list[Images]:
    """Training and all test pictures of LLCM."""
    groups = (group for modality in Modality for group in llcm.test_groups(folder, modality))
    return [llcm.load(folder), table((row for g in groups for row in g), f"{llcm.TITLE} test")]


def m3svd_checks(folder: Path) -> list[Check]:
    """People and crops: the full set of 30 people, or the 17 that ``m3svd_cut`` makes."""

    def counted() -> tuple[int, ...]:
        crops = m3svd.load(folder, preset="all")
        return len(set(crops.identity.tolist())), *_sizes(crops)

    what = "people + visible crops + infrared crops"
    return [(what, counted, ((17, 403, 403), (30, 636, 636)))]


def m3svd_known(folder: Path) -> bool:
    """Whether there is an ``index.csv`` of people."""
    if not (index := folder / m3svd.MARKS[0]).is_file():
        return False
    with index.open(encoding="utf-8", errors="replace") as text:
        return "pid" in text.readline().strip().split(",")


def clone_checks(folder: Path) -> list[Check]:
    """The mp4 files that ``m3svd_cut`` needs."""
    sequences = sorted({box.sequence for box in m3svd_cut.read_boxes(m3svd_cut.BOXES)})

    def videos(modality: Modality) -> int:
        files = [folder / "Video/test" / modality.word / f"{s}.mp4" for s in sequences]
        if absent := [str(file) for file in files if not file.is_file()]:
            raise FileNotFoundError(", ".join(absent))
        return len(files)

    return [
        (
            f"{modality.word} mp4 files that are needed",
            lambda m=modality: videos(m),
            (len(sequences),),
        )
        for modality in Modality
    ]
