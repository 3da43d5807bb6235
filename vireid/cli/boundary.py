"""The command line's one boundary: what a user can cause is one line, a bug keeps its traceback.

    vireid: WHAT (WHERE). DO THIS.

An error is a user's when this package raised it on purpose, in a ``raise`` of its own, or when the
machine refused something (disk, memory, permissions, a package that is not installed). One from a
method of the user's own keeps its traceback, too, and the line names the line of that method.
"""

import dis
import errno
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
REPORT = "https://github.com/vireid/vireid/issues"
RAISE = dis.opmap["RAISE_VARARGS"]
USER, BUG, INTERRUPTED, PIPE = 2, 1, 130, 141  # exit statuses
LONGEST = 1200  # characters of the line

# package that only some commands need -> the extra that brings it
LAB = ("jupyterlab", "voila", "jupytext", "nbclient", "nbformat")
EXTRAS = {"av": "video"} | dict.fromkeys(LAB, "lab")
REFUSALS = {  # of the machine: what to do
    errno.ENOSPC: "Free some space, or choose another folder; what was written before is whole",
    errno.EDQUOT: "Your quota is used up: free some space, or choose another folder",
    errno.EACCES: "Change its permissions, or choose a folder of your own",
    errno.EPERM: "Change its permissions, or choose a folder of your own",
    errno.EROFS: "That disk is read-only: choose another folder",
    errno.ENOENT: "Look for a slip in the path; the folder before its last name has to be there",
    errno.ENOTDIR: "A file stands where a folder is needed: choose another path",
    errno.EISDIR: "A folder stands where a file is needed: choose another path",
    errno.EEXIST: "Something is there already: choose another path",
    errno.ENAMETOOLONG: "Choose a shorter path",
    errno.EMFILE: "Too many files are open: raise the limit with ulimit -n 4096",
    errno.EFBIG: "The disk or ulimit -f takes no file this large: choose another folder",
    errno.EIO: "The disk or network drive failed: look after it, then repeat the command",
    errno.ESTALE: "The network drive went away: mount it again, then repeat the command",
}


def guarded(run: Callable[[], int | None], command: str) -> int:
    """The exit status of ``run``: 0, its own, or that of what went wrong, which is told on stderr.

    ``VIREID_TRACEBACK=1`` in the environment lets every error through as it is.
    """
    if os.environ.get("VIREID_TRACEBACK"):
        return run() or 0
    try:
        return run() or 0
    except KeyboardInterrupt as stop:
        said = str(stop) or f"stopped by Ctrl-C ({command}). {_go_on(command)}"
        return _say(said, getattr(stop, "status", INTERRUPTED))
    except BrokenPipeError:  # ``vireid ... | head`` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE
    except Exception as error:
        if line := explain(error, command):
            return _say(line, USER)
        traceback.print_exc()
        if line := _own_line(error):
            what = f"{line}: {type(error).__name__}: {error} ({command})"
            return _say(f"{what}. It comes from your own code, mend it there.", USER)
        return _say(_bug(error, command), BUG)


def explain(error: BaseException, command: str) -> str | None:
    """WHAT (WHERE). DO THIS. of an error that a user can cause; None for a bug."""
    if _is_memory(error):
        do = "Close other programs, take a smaller --preset, batch or network, or a larger machine"
        return f"there is not enough memory ({command}). {do}."
    if isinstance(error, ImportError) and error.name and not error.name.startswith("vireid"):
        return _missing_package(error.name.partition(".")[0], command)
    if isinstance(error, OSError) and error.errno in REFUSALS:
        place = ", ".join(str(f) for f in (error.filename, error.filename2) if f) or command
        said = error.strerror or "refused"
        return f"{said[0].lower()}{said[1:]} ({place}). {REFUSALS[error.errno]}."
    if not _on_purpose(error):
        return None
    said = " ".join(str(error).split()) or type(error).__name__
    if line := _own_line(error):
        said = f"{line}: {said}"
    if said.endswith(".") or ")." in said:  # says itself where and what to do
        return said
    return f"{said} ({command}). See {command} --help."


def _is_memory(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"MemoryError", "OutOfMemoryError"}:
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


def _missing_package(name: str, command: str) -> str:
    wanted = f"vireid[{EXTRAS[name]}]" if name in EXTRAS else f"--upgrade vireid (or {name} alone)"
    quoted = f'"{wanted}"' if name in EXTRAS else wanted
    return f"the package {name} is not installed ({command} needs it). pip install {quoted}."


def _on_purpose(error: BaseException) -> bool:
    """Whether a ``raise`` in this package made the error, not a slip in it or a library below."""
    trace = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    ours = Path(code.co_filename).resolve().is_relative_to(PACKAGE)
    return ours and code.co_code[trace.tb_lasti] == RAISE


def _own_line(error: BaseException) -> str:
    """Where an error passed a method that lives outside the package, empty where it did not."""
    outside = sys.modules.get("vireid.methods.outside")  # loaded with the first such method
    return outside.line_of(error) if outside else ""


def _go_on(command: str) -> str:
    if command.endswith("train"):
        return "Give the same command with --resume to go on."
    return "Give the same command again; what is finished is kept."


def _bug(error: BaseException, command: str) -> str:
    import vireid

    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{command}, {Path(last.filename).name} line {last.lineno}, vireid {vireid.__version__}"
    what = f"this is a bug of vireid: {type(error).__name__}"
    return f"{what} ({where}). Please report it with the lines above at {REPORT}."


def _say(line: str, status: int) -> int:
    line = " ".join(line.split())
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 4]} ..."
    print(f"vireid: {line}", file=sys.stderr)
    return status
