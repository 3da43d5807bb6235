"""What a reader of the repository would trip over: machine paths, hosts, pictures, big files."""

import base64
import dataclasses
import json
import re
import shlex
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
import yaml

from vireid import cli, methods

ROOT = Path(__file__).resolve().parents[1]
HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "anaconda" + ".org")
PICTURES = {".png", ".gif", ".svg", ".webp", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp"}
FOREIGN = {"image/jpeg", "image/gif", "image/webp", "video/mp4"}
MACHINE = re.compile(r"(?<![\w.])/(work|root|farm|tmp|home)/[A-Za-z]")


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    out = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if out.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in out.stdout.split("\0") if name and (ROOT / name).exists()]


def texts(tracked):
    for path in tracked:
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_machine_paths_and_no_registry_hosts(tracked):
    found = []
    for path, text in texts(tracked):
        if path.name == "test_repository.py":
            continue
        found += [f"{path.name}: {host}" for host in HOSTS if host in text]
        found += [f"{path.name}: {m.group()}" for m in MACHINE.finditer(text)]
    assert not found


def test_no_photographs(tracked):
    assert not [p for p in tracked if p.suffix.lower() in {".jpg", ".jpeg", ".bmp", ".mp4"}]


def test_files_are_small(tracked):
    # weights of the synthetic world are the one thing that may be larger
    big = [p.name for p in tracked if p.stat().st_size > 1_000_000 and p.suffix != ".safetensors"]
    assert not big
    assert all(p.stat().st_size < 5_000_000 for p in tracked)


def test_library_files_read_in_one_sitting(tracked):
    long = [
        f"{p.name}: {lines}"
        for p in tracked
        if p.suffix == ".py" and "vireid" in p.relative_to(ROOT).parts[:1]
        if (lines := len(p.read_text().splitlines())) > 300
    ]
    assert not long


def test_environment_yml_is_thin_and_parses():
    spec = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert spec["name"] == "vireid"
    pip = next(d["pip"] for d in spec["dependencies"] if isinstance(d, dict))
    assert any(line.startswith("-e .") for line in pip)


def test_lock_covers_pyproject():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text()
    for requirement in chain(project["dependencies"], *project["optional-dependencies"].values()):
        name = re.split(r"[<>=\[ ]", requirement)[0]
        assert re.search(rf"^{re.escape(name)}==", lock, re.M), name
    assert "--hash=sha256:" in lock


def test_citation_is_complete_and_of_this_version():
    import vireid

    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    needed = {"cff-version", "message", "title", "abstract", "type", "license", "version"}
    needed |= {"date-released", "repository-code", "keywords", "authors", "references"}
    assert needed <= set(cited) and cited["version"] == vireid.__version__
    told = " ".join(work["notes"] for work in cited["references"])
    for name in ("DMDL", "BMIL", "MULT", "MCF", "ADCA", "PGM", "N-ULC"):
        assert name in told
    assert all(work["title"] and work["authors"] for work in cited["references"])


def test_readme_commands_are_make_targets():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for target in ("workbook", "test", "lab"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, re.M)
    assert "make test" in (ROOT / ".ci/run").read_text()


COMMANDS = [
    (page, line.partition("#")[0].strip())
    for page in ("README.md", "README.zh.md")
    for line in (ROOT / page).read_text("utf-8").splitlines()
    if line.startswith("vireid ") and not line.startswith("vireid lab")
]


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=str)
def test_commands_of_the_readmes_are_the_programs(page, line):
    """Every option is known, and so are method, preset, rows and fields that it names."""
    a = cli.parser().parse_args(shlex.split(line)[1:])
    if (name := getattr(a, "method", None)) in methods.TABLE:
        rows = {row for row in getattr(a, "rows", None) or [] if row}
        assert rows <= methods.kind(name).rows.keys() | {"stage1"}, f"{page}: {rows}"
        fields = {given.partition("=")[0] for given in getattr(a, "over", None) or []}
        assert fields <= {f.name for f in dataclasses.fields(methods.kind(name))}, page


def test_the_readmes_name_commands():
    assert len(COMMANDS) > 20 and {page for page, _ in COMMANDS} == {"README.md", "README.zh.md"}


SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}"
    r"|\bsk-[A-Za-z0-9]{32}|\bxox[abp]-[0-9A-Za-z-]{20}"
    r"|(?i:password|passwd|secret|api_key)\s*[=:]\s*[\"'][^\"'\s]{8,}[\"']"
)


def test_words_are_spelled_right(tracked):
    kinds = {".md", ".py", ".toml", ".cff", ".yml", ".js", ".css"}
    names = [str(path) for path in tracked if path.suffix in kinds]
    words = [sys.executable, "-m", "codespell_lib", "--toml", "pyproject.toml", *names]
    out = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not out.returncode, out.stdout + out.stderr


def test_no_credentials(tracked):
    found = [
        f"{path.name}: {hit.group()[:20]}"
        for path, text in texts(tracked)
        for hit in SECRETS.finditer(text)
    ]
    assert not found


def test_the_scan_for_credentials_sees_one():
    for text in ("AKIA" + "A" * 16, "ghp_" + "a" * 36, "api_key = '" + "x" * 12 + "'"):
        assert SECRETS.search(text)


def test_pictures_are_this_project_s_own(tracked):
    """Pictures lie in figures/ alone or inside notebooks, drawn by code: PNG without a camera."""
    import io

    from PIL import Image

    shown = [(p.name, p.read_bytes()) for p in tracked if p.suffix.lower() in PICTURES]
    places = {p.relative_to(ROOT).parts[0] for p in tracked if p.suffix.lower() in PICTURES}
    assert places <= {"figures", "docs"}, places
    for path in tracked:
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text())["cells"]
            outputs = [o for cell in cells for o in cell.get("outputs", ())]
            assert not [k for o in outputs for k in o.get("data", {}) if k in FOREIGN], path.name
            data = [o.get("data", {}).get("image/png") for o in outputs]
            shown += [(path.name, base64.b64decode(png)) for png in data if png]
    for name, content in shown:
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.format == "PNG" and not picture.getexif(), name


def test_figures_of_real_people_are_marked_and_ignored(monkeypatch, tmp_path, capsys):
    from vireid import workbook

    done = workbook.Executed("00_x", 1, 2)
    png = {"00_x-01.png": b"png"}
    monkeypatch.setattr(workbook, "scripts", lambda only: [Path("00_x.py")])
    monkeypatch.setattr(workbook, "execute", lambda script, **dial: ({}, done))
    monkeypatch.setattr(workbook, "dump", lambda notebook: "{}")
    monkeypatch.setattr(workbook, "pictures", lambda notebook, stem: png)
    monkeypatch.setattr(workbook, "WORK", tmp_path)
    workbook.run(data="m3svd")
    assert "pictures of real people go to" in capsys.readouterr().out
    made = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(made) == 2 and all("real-people" in p.name for p in made)
    for path in made:
        name = str(path.relative_to(tmp_path))
        for place in (name, f"docs/{path.name}"):
            kept = subprocess.run(["git", "check-ignore", "-q", place], cwd=ROOT, check=False)
            assert kept.returncode in (0, 128), f"{place} is not ignored"  # 128: no checkout


def test_promises_name_tests_that_are_there():
    text = (ROOT / "docs/promises.md").read_text()
    for name in re.findall(r"(test_\w+)\.py", text):
        assert (ROOT / f"tests/{name}.py").exists(), name
    source = "".join(p.read_text() for p in (ROOT / "tests").glob("test_*.py"))
    for name in re.findall(r"(test_\w+)(?!\w|\.py|\*)", text):
        assert f"def {name}" in source, name


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "README.zh.md",
        "CONTRIBUTING.md",
        "data/README.md",
        "docs/papers.md",
        "docs/glossary.md",
    ],
)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), f"{page} links to missing {target}"
