"""What a reader of the repository would trip over: machine paths, hosts, pictures, big files."""

import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
HOSTS = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "anaconda" + ".org")
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


def test_readme_commands_are_make_targets():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for target in ("workbook", "test", "lab"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, re.M)
    assert "make test" in (ROOT / ".ci/run").read_text()


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
