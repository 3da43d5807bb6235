"""Bad input by the thousand: documented error or documented result, never anything else.

The number of cases is printed; ``VIREID_FUZZ=10 pytest tests/test_fuzz.py -s`` tries ten times as
many. Errors that are meant are ValueError (also its file and cluster kinds), OSError and
FloatingPointError; all of them name a thing.
"""

import json
import os
import warnings
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy.io import savemat

from vireid import association, files, losses, methods
from vireid.clustering import dbscan, prototypes
from vireid.data import label_table, packs
from vireid.data.benchmarks.files import read_identities, read_index
from vireid.evaluation import cmrr, evaluate
from vireid.exchange import read_dump
from vireid.jaccard import jaccard_distance
from vireid.models import weights
from vireid.neighbours import nearest
from vireid.runs import Run
from vireid.types import Embeddings, Images, PseudoLabels

TIMES = float(os.environ.get("VIREID_FUZZ", "1"))
MEANT = (ValueError, OSError, FloatingPointError)
TRIED: Counter = Counter()


def fuzz(cases: int):
    """Hypothesis with so many cases, no clock, files between cases allowed, the same every day."""
    return settings(
        max_examples=int(cases * TIMES), deadline=None, derandomize=TIMES == 1, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def told():
    yield
    print(f"\nfuzzed {sum(TRIED.values()):,} cases: {dict(TRIED)}")


def tries(kind: str, call, *, where: str = "", allowed=MEANT):
    """The result of a call, or None after an error that is meant and says something."""
    TRIED[kind] += 1
    try:
        with warnings.catch_warnings(action="ignore"):
            return call()
    except allowed as error:
        said = str(error)
        assert len(said) > 10 and where in said, f"{type(error).__name__}: {said}"
        return None


# ---- Files: sound ones with bytes cut, changed, put in or taken out

MADE = (
    *("weights.pth", "weights.npz", "weights.safetensors", "old.pth", "run.json", "index.csv"),
    *("pack.safetensors", "picture.png", "picture.jpg", "test_id.txt", "idx.txt"),
    *("labels.csv", "dump.npy", "names.txt"),
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> dict[str, bytes]:
    """Bytes of a sound file of each kind."""
    from safetensors.torch import save_file

    at = tmp_path_factory.mktemp("sound")
    state = {"a": torch.arange(6.0), "b.weight": torch.eye(3)}
    torch.save({"state_dict": state, "epoch": 3}, at / "weights.pth")
    torch.save(state, at / "old.pth", _use_new_zipfile_serialization=False)
    np.savez(at / "weights.npz", a=np.arange(6.0), b=np.eye(3))
    save_file(state, at / "weights.safetensors")
    savemat(at / "list.mat", {"rand_perm_cam": np.array([[np.arange(5)]], dtype=object)})
    Run("dcl", {"k1": 20}, 1, data={"name": "x"}, curves=[{"epoch": 0}]).save(at / "run.json")
    packs.save(at / "pack.safetensors", Embeddings(torch.eye(4), [0, 0, 1, 1], [1, 1, 2, 2]))
    noise = np.random.default_rng(0).integers(0, 256, (9, 5, 3), dtype=np.uint8)
    Image.fromarray(noise).save(at / "picture.png")
    Image.fromarray(noise).save(at / "picture.jpg")
    (at / "index.csv").write_text("file,pid\na.jpg,1\nb.jpg,2\n")
    (at / "test_id.txt").write_text("1,2,17\n")
    (at / "idx.txt").write_text("a.bmp 0\nb.bmp 1\n")
    label_table.save(at / "labels.csv", {"visible": PseudoLabels([0, 1, -1, 0])}, FOUR)
    np.save(at / "dump.npy", np.arange(12.0).reshape(4, 3))
    (at / "names.txt").write_text("3_c1_000000.jpg\n-1_c2_000003.jpg\n")
    return {name: (at / name).read_bytes() for name in (*MADE, "list.mat")}


FOUR = Images(np.zeros((4, 2, 2, 3), np.uint8), [0, 0, 1, 1], [1, 1, 2, 2], None, size=(2, 2))
READ = {
    "weights": weights.read,
    "old": weights.read,
    "list": lambda path: files.matlab(path, "permutations"),
    "run": Run.load,
    "pack": packs.load,
    "picture": files.picture,
    "index": lambda path: list(files.table(path, ("file", "pid"), "index")),
    "test_id": lambda path: read_identities(path, "SYSU"),
    "idx": lambda path: read_index(path, path.parent, "RegDB"),
    "labels": lambda path: label_table.load(path, FOUR),
    "dump": lambda path: read_dump([path], FOUR),
    "names": lambda path: read_dump([path], FOUR),
}
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["cut", "change", "insert", "drop", "zeros"]),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits) -> bytes:
    for what, place, new in edits:
        at = int(place * len(content))
        content = {
            "cut": content[:at],
            "change": content[:at] + new + content[at + len(new) :],
            "insert": content[:at] + new + content[at:],
            "drop": content[:at] + content[at + len(new) :],
            "zeros": content[:at] + bytes(len(content) - at),
        }[what]
    return content


@pytest.mark.parametrize("name", MADE)
@fuzz(250)
@given(edits=EDITS)
def test_damaged_files(sound, tmp_path_factory, name, edits):
    path = tmp_path_factory.getbasetemp() / f"fuzz {name}"
    path.write_bytes(edited(sound[name], edits))
    found = tries("damaged files", lambda: READ[name.partition(".")[0]](path), where=path.name)
    if isinstance(found, Embeddings):
        assert found.x.isfinite().all() and set(found.modality.tolist()) <= {0, 1}
    if isinstance(found, np.ndarray):
        assert found.dtype == np.uint8 and found.shape[2] == 3


@fuzz(10)  # each opens a process, which is what dies
@given(edits=EDITS)
def test_damaged_permutations(sound, tmp_path_factory, edits):
    path = tmp_path_factory.getbasetemp() / "fuzz list.mat"
    path.write_bytes(edited(sound["list.mat"], edits))
    tries("damaged files", lambda: READ["list"](path), where=path.name)


@fuzz(800)
@given(content=st.binary(max_size=60), reader=st.sampled_from(sorted(READ)))
def test_any_bytes(tmp_path_factory, content, reader):
    path = tmp_path_factory.getbasetemp() / "any bytes"
    path.write_bytes(content)
    tries("any bytes", lambda: READ[reader](path), where="any bytes")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


@fuzz(800)
@given(field=st.sampled_from(sorted(Run.__dataclass_fields__)), value=VALUES, drop=st.booleans())
def test_records_with_odd_fields(sound, tmp_path_factory, field, value, drop):
    record = json.loads(sound["run.json"])
    record = {k: v for k, v in record.items() if k != field} if drop else record | {field: value}
    path = tmp_path_factory.getbasetemp() / "odd run.json"
    path.write_text(json.dumps(record))
    found = tries("records", lambda: Run.load(path), where="odd run.json")
    if found is not None:
        assert isinstance(found.curves, list) and isinstance(found.config, dict)
        found.save(path)  # what is read can be written


# ---- Settings

FIELDS = {
    name: sorted({*methods.build(name).config()}) for name in ("dcl", "bmil", "mult", "dmdl", "mcf")
}
TEXTS = st.sampled_from(
    ["", "no", "off", "true", "1", "-1", "0", "nan", "inf", "1e999", "(1, 2)", "()", "None", "abc",
     "[1", "0.5", "1e-3", "{}", "__import__('os')", "2.0", "９", "1_0", "a b", "-0.0"]
)  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
@fuzz(500)
@given(choice=st.integers(0, 10**6), value=VALUES | TEXTS)
def test_settings(name, choice, value):
    """A method is built with the value it was given, or the error names the field."""
    field = FIELDS[name][choice % len(FIELDS[name])]
    method = tries("settings", lambda: methods.build(name, **{field: value}), where=field)
    if method is not None:
        kept = method.config()[field]
        assert not (isinstance(kept, float) and np.isnan(kept)), "NaN is no setting"
        json.dumps(method.config(), allow_nan=False)


@fuzz(600)
@given(name=st.sampled_from(sorted(FIELDS)), choice=st.integers(0, 10**6), text=TEXTS)
def test_settings_as_text(name, choice, text):
    field = FIELDS[name][choice % len(FIELDS[name])]
    tries("settings as text", lambda: methods.value(name, field, text), where=field)


# ---- Contract functions: odd shapes, NaN, infinity, zeros, copies

ODD = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7),
    elements={"min_value": -2, "max_value": 2},
)
TABLES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    elements=st.sampled_from([0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, np.nan, np.inf]) | st.floats(-1, 1),
)
IDS = st.lists(st.integers(-1, 3), max_size=12).map(np.array)
X = ODD | TABLES


def finite(value) -> bool:
    return bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())


@fuzz(1000)
@given(
    x=X, k=st.integers(-2, 15) | st.just(2.5), backend=st.sampled_from(["auto", "torch", "faiss"])
)
def test_nearest(x, k, backend):
    found = tries("nearest", lambda: nearest(x, k, backend=backend))
    if found is not None:
        index, similarity = found
        assert finite(similarity) and (index >= 0).all() and (index < len(x)).all()
        assert (index[:, 0] == np.arange(len(x))).all()


@fuzz(700)
@given(x=X, rule=st.sampled_from(["vanilla", "modality", "camera", "lqe", "binary", "foo"]),
       ids=IDS, k1=st.integers(-1, 9), k2=st.integers(0, 4))  # fmt: skip
def test_jaccard(x, rule, ids, k1, k2):
    groups = {"modality": {"modality": ids % 2}, "camera": {"camera": ids}}.get(rule, {})
    found = tries("jaccard", lambda: jaccard_distance(x, rule=rule, k1=k1, k2=k2, **groups))
    if found is not None:
        assert found.shape == (len(x), len(x)) and finite(found.data)
        assert (found.data >= -1e-6).all() and (found.data <= 1 + 1e-6).all()


@fuzz(600)
@given(distance=X, eps=st.floats() | st.sampled_from([0.5, 1.0]), least=st.integers(-1, 5))
def test_dbscan(distance, eps, least):
    label = tries("dbscan", lambda: dbscan(distance, eps=eps, min_samples=least))
    if label is not None:
        assert label.shape == (len(distance),) and label.min(initial=-1) >= -1


@fuzz(500)
@given(x=X, labels=IDS)
def test_prototypes(x, labels):
    found = tries("prototypes", lambda: prototypes(x, labels))
    if found is not None:
        assert finite(found) and len(found) == labels.max() + 1


@fuzz(800)
@given(similarity=X, query=IDS, gallery=IDS, query_camera=IDS, gallery_camera=IDS,
       protocol=st.sampled_from(["sysu", "regdb", "llcm", "foo"]))  # fmt: skip
def test_evaluate(similarity, query, gallery, query_camera, gallery_camera, protocol):
    found = tries("evaluate", lambda: evaluate(
        similarity, query, gallery, query_camera, gallery_camera, protocol=protocol,
    ))  # fmt: skip
    if found is not None:
        assert 0 <= found.mINP <= found.mAP <= 1 and 0 < found.n_valid <= len(query)


@fuzz(500)
@given(a=X, b=X, name=st.sampled_from(["hungarian", "pgm", "bccm", "mbccm", "imca"]))
def test_association(a, b, name):
    more = {"epoch": 1} if name == "imca" else {}
    tries("association", lambda: getattr(association, name)(a, b, **more))


@fuzz(400)
@given(a=X, b=X, k=st.integers(-1, 20))
def test_cmrr(a, b, k):
    found = tries("cmrr", lambda: cmrr(a, b, k=k))
    assert found is None or finite(found)


@fuzz(500)
@given(x=X, target=IDS, table=X, temperature=st.sampled_from([0.05, 1.0, 0.0, -1.0, np.nan]))
def test_cluster_contrast(x, target, table, temperature):
    x, table = (torch.as_tensor(a, dtype=torch.float64) for a in (x, table))
    tries("losses", lambda: losses.cluster_contrast(
        x, torch.as_tensor(target), table, temperature=temperature
    ))  # fmt: skip


def test_ten_thousand_were_tried():
    assert sum(TRIED.values()) >= 10_000 or not {"nearest", "settings"} <= TRIED.keys(), TRIED
