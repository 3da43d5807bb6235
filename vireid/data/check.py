"""``vireid data check PATH``: which data sets are there, whole or not, and what to do next."""

from dataclasses import dataclass
from pathlib import Path

from vireid.data.benchmarks.files import SYNTHETIC
from vireid.data.content import look
from vireid.data.counts import Check, words
from vireid.data.official import KINDS, Kind

MARKS = {"ok": "ok      ", "differs": "DIFFERS ", "missing": "MISSING ", "broken": "BROKEN  "}


@dataclass(frozen=True)
class Finding:
    """One line of a report; ``mark`` is "ok", "differs", "missing" or "broken"."""

    mark: str
    text: str


@dataclass(frozen=True)
class Section:
    """What was found of one data set."""

    title: str
    folder: Path
    findings: tuple[Finding, ...]
    next_step: str

    @property
    def ok(self) -> bool:
        """Every finding is as the official data set has it."""
        return all(finding.mark == "ok" for finding in self.findings)

    @property
    def verdict(self) -> str:
        """The findings in half a sentence."""
        if self.ok:
            return "complete"
        marks = {finding.mark for finding in self.findings}
        if "broken" in marks:
            return "broken; do not use it as it is"
        if "missing" in marks:
            return "incomplete"
        return "it can be loaded, but not all is as in the official one"

    @property
    def text(self) -> str:
        """The section in plain words."""
        lines = [f"  {MARKS[finding.mark]}{finding.text}" for finding in self.findings]
        head = f"{self.folder} is {self.title}: {self.verdict}."
        return "\n".join([head, *lines, f"  Next: {self.next_step}"])


@dataclass(frozen=True)
class Report:
    """What ``report`` found at a path: ``ok`` and a ``text`` to print."""

    path: Path
    sections: tuple[Section, ...]
    nothing: str = ""

    @property
    def ok(self) -> bool:
        """At least one data set was recognised and each is complete."""
        return bool(self.sections) and all(section.ok for section in self.sections)

    @property
    def text(self) -> str:
        """The whole report in plain words."""
        return "\n\n".join(section.text for section in self.sections) or self.nothing


def report(path: Path, *, pictures: int = 24, deep: bool = False) -> Report:
    """Look at a folder, and one level below it, and say what data sets it holds.

    Parameters
    ----------
    path : a data set, a folder of data sets, or a clone of M3SVD
    pictures : how many pictures, evenly spaced, are opened in each data set; 0 opens none
    deep : open all of them, whatever ``pictures`` says

    A missing or broken file is a line of the report, not an error.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        return Report(path, (), f"{path} is not a folder. Give the folder of a data set.")
    places = [path]
    if not any(kind.recognised(path) for kind in KINDS):  # its own folders are no data sets
        places = sorted(p for p in path.iterdir() if p.is_dir() and p.name[0] != ".")
    sections = [
        _section(kind, place, None if deep else pictures)
        for place in places
        for kind in KINDS
        if kind.recognised(place)
    ]
    return Report(path, tuple(sections), _nothing(path))


def _section(kind: Kind, folder: Path, pictures: int | None) -> Section:
    """Count a data set and look at some of its pictures, or at all (None)."""
    findings = list(dict.fromkeys(map(_finding, kind.checks(folder))))
    if (folder / SYNTHETIC).exists():
        said = f"{SYNTHETIC}: people drawn by vireid to rehearse with, not {kind.title}"
        findings.insert(0, Finding("differs", said))
    loads = all(finding.mark in ("ok", "differs") for finding in findings)
    if pictures != 0 and loads and (tables := kind.tables(folder)):
        findings += [Finding(mark, said) for mark, said in look(tables, pictures)]
    step = kind.command if all(finding.mark == "ok" for finding in findings) else kind.advice
    if loads and (folder / SYNTHETIC).exists():
        step = f"rehearse with {kind.command}; its scores say nothing of {kind.title}"
    return Section(kind.title, folder, tuple(findings), step.format(folder=folder))


def _finding(check: Check) -> Finding:
    what, count, accepted = check
    try:
        found = count()
    except FileNotFoundError as error:
        return Finding("missing", str(error))
    except (OSError, ValueError) as error:
        return Finding("broken", str(error))
    if found in accepted or not accepted:
        return Finding("ok", f"{what}: {words(found)}")
    official = " or ".join(map(words, accepted))
    return Finding("differs", f"{what}: {words(found)}, officially {official}")


def _nothing(path: Path) -> str:
    lines = [f"No data set was recognised in {path}. A folder is known by one of:"]
    lines += [f"  {kind.title}: {', '.join(kind.marks)}" for kind in KINDS]
    if any((path / name).is_dir() for name in ("ir_modify", "rgb_modify")):
        lines.append("ir_modify and rgb_modify are another project's conversion; the workbook")
        lines.append("reads the originals: give the folder that they were made from.")
    lines.append("Next: data/README.md tells how to get each data set and how to lay it out.")
    return "\n".join(lines)
