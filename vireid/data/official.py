"""How each data set is recognised, and the numbers that its official download has."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vireid.data import m3svd, m3svd_cut, own, own_check
from vireid.data.benchmarks import llcm, regdb, sysu
from vireid.data.benchmarks.files import Row, table
from vireid.data.tracklets import buptcampus, vcm
from vireid.data.tracklets import checks as tracklet_checks
from vireid.types import Images, Modality

# A sentence, what is counted (it may raise what the loaders raise), the official number or numbers.
Check = tuple[str, Callable[[], object], tuple]

_TRAIN = "vireid train --method bmil --data {name} --root {{folder}}"
_UNPACK = "unpack the download again so that {} lie in {{folder}}; data/README.md shows the layout"


@dataclass(frozen=True)
class Kind:
    """A data set: its marks, its counts, its training and test pictures, and what to do next.

    ``command`` is the next step when all is right, ``advice`` when something is not;
    ``{folder}`` stands for the place.
    """

    title: str
    marks: tuple[str, ...]
    checks: Callable[[Path], list[Check]]
    tables: Callable[[Path], list[Images]]
    command: str
    advice: str
    known: Callable[[Path], bool] | None = None

    def recognised(self, folder: Path) -> bool:
        """Whether the folder has one of the marks, or is ``known`` by more than they tell."""
        if self.known is not None:
            return self.known(folder)
        return any((folder / mark).exists() for mark in self.marks)


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


KINDS = (
    Kind(
        title=sysu.TITLE,
        marks=("exp/test_id.txt", *sysu.MARKS[1:]),
        checks=sysu_checks,
        tables=sysu_tables,
        command=_TRAIN.format(name="sysu"),
        advice=_UNPACK.format("exp and cam1 to cam6"),
    ),
    Kind(
        title=regdb.TITLE,
        marks=("Visible", "Thermal", "idx/train_visible_1.txt"),
        checks=regdb_checks,
        tables=regdb_tables,
        command=_TRAIN.format(name="regdb") + " --trial 1, then a model for each split up to 10",
        advice=_UNPACK.format("Visible, Thermal and idx"),
    ),
    Kind(
        title=llcm.TITLE,
        marks=("vis", "nir", "test_vis", "test_nir", "idx/train_vis.txt"),
        checks=llcm_checks,
        tables=llcm_tables,
        command=_TRAIN.format(name="llcm"),
        advice=_UNPACK.format("vis, nir, idx, test_vis and test_nir"),
    ),
    Kind(
        title=vcm.TITLE,
        marks=vcm.MARKS,
        checks=tracklet_checks.vcm_checks,
        tables=tracklet_checks.vcm_tables,
        command=_TRAIN.format(name="vcm"),
        advice=_UNPACK.format("the people's folders and info"),
    ),
    Kind(
        title=buptcampus.TITLE,
        marks=buptcampus.MARKS,
        checks=tracklet_checks.buptcampus_checks,
        tables=tracklet_checks.buptcampus_tables,
        command=_TRAIN.format(name="buptcampus"),
        advice=_UNPACK.format("DATA, data_paths.json and the lists"),
    ),
    Kind(
        title=m3svd.TITLE,
        marks=m3svd.MARKS,
        known=m3svd_known,
        checks=m3svd_checks,
        tables=lambda folder: [m3svd.load(folder, preset="all")],
        command=_TRAIN.format(name="m3svd"),
        advice="make the crops again into an empty folder: vireid data m3svd CLONE --out FOLDER",
    ),
    Kind(
        title=own.TITLE,
        marks=("a table *.csv with path and modality", "train|query|gallery/visible|infrared"),
        known=own.recognised,
        checks=own_check.checks,
        tables=own_check.looked_at,
        command=_TRAIN.format(name="files"),
        advice="mend what is said above; vireid data template FOLDER shows a whole example",
    ),
    Kind(
        title="a clone of M3SVD",
        marks=("Video/test/visible", "Video/test/infrared"),
        checks=clone_checks,
        tables=lambda folder: [],
        command="vireid data m3svd {folder} --out data/M3SVD-Persons",
        advice="fetch the missing files: git lfs pull, or clone Linfeng-Tang/M3SVD again",
    ),
)
