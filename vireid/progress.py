"""What a student has guessed and solved, kept in one file on the student's own machine.

Nothing is sent anywhere. The file is ``progress.json`` in ``vireid.paths.student_folder()``.
"""

import json
from pathlib import Path

from filelock import FileLock

from vireid.files.write import put
from vireid.paths import cache_folder, student_folder

KINDS = ("guesses", "measured", "exercises")


def path() -> Path:
    """The file that progress is kept in."""
    return student_folder() / "progress.json"


def load() -> dict[str, dict]:
    """``{"guesses": {name: number}, "measured": ..., "exercises": {name: outcome}}``.

    Raises ValueError naming the file when it is no JSON of that shape.
    """
    if not path().exists():
        return {kind: {} for kind in KINDS}
    try:
        kept = json.loads(path().read_text("utf-8"))
        return {kind: dict(kept[kind]) for kind in KINDS}
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path()} is no record of progress ({error}); delete it to start anew"
        ) from error


def keep(kind: str, name: str, value) -> None:
    """Put one guess or one outcome into the file, in place of an older one.

    Raises ValueError for an unknown kind, OSError when the folder cannot be written.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}; known: {', '.join(KINDS)}")
    lock = cache_folder() / "progress.lock"
    for folder in (lock.parent, path().parent):
        folder.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):  # two notebooks may write
        kept = load()
        kept[kind][name] = value
        put(path(), json.dumps(kept, indent=1, sort_keys=True) + "\n")


def reset() -> None:
    """Forget all guesses and outcomes."""
    path().unlink(missing_ok=True)
