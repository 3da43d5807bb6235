"""How each data set is recognised, what is looked at, and what to do next."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vireid.data import counts, m3svd, own, own_check
from vireid.data.benchmarks import llcm, regdb, sysu
from vireid.data.counts import Check
from vireid.data.tracklets import buptcampus, vcm
from vireid.data.tracklets import checks as tracklet_checks
from vireid.types import Images

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


KINDS = (
    Kind(
        title=sysu.TITLE,
        marks=("exp/test_id.txt", *sysu.MARKS[1:]),
        checks=counts.sysu_checks,
        tables=counts.sysu_tables,
        command=_TRAIN.format(name="sysu"),
        advice=_UNPACK.format("exp and cam1 to cam6"),
    ),
    Kind(
        title=regdb.TITLE,
        marks=("Visible", "Thermal", "idx/train_visible_1.txt"),
        checks=counts.regdb_checks,
        tables=counts.regdb_tables,
        command=_TRAIN.format(name="regdb") + " --trial 1, then a model for each split up to 10",
        advice=_UNPACK.format("Visible, Thermal and idx"),
    ),
    Kind(
        title=llcm.TITLE,
        marks=("vis", "nir", "test_vis", "test_nir", "idx/train_vis.txt"),
        checks=counts.llcm_checks,
        tables=counts.llcm_tables,
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
        known=counts.m3svd_known,
        checks=counts.m3svd_checks,
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
        checks=counts.clone_checks,
        tables=lambda folder: [],
        command="vireid data m3svd {folder} --out data/M3SVD-Persons",
        advice="fetch the missing files: git lfs pull, or clone Linfeng-Tang/M3SVD again",
    ),
)
