"""Servers that we start end with us."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from vireid.serving import until_stopped

SERVER = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(120)"
OURS = (
    "import os, signal, sys; from vireid.serving import until_stopped;"
    "signal.signal(signal.SIGINT, signal.default_int_handler);"  # ignored in a job of a script
    "sys.exit(until_stopped([sys.executable, '-c', sys.argv[1], sys.argv[2]], os.environ) != 0)"
)


def _gone(number: int, seconds: float = 20) -> bool:
    for _ in range(int(seconds * 20)):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def _number(file: Path, seconds: float = 60) -> int:
    for _ in range(int(seconds * 20)):
        if file.exists() and file.read_text():
            return int(file.read_text())
        time.sleep(0.05)
    raise AssertionError("the server did not begin")


def test_exit_status_is_the_commands():
    assert until_stopped([sys.executable, "-c", "raise SystemExit(3)"], os.environ) == 3


def test_the_usual_answer_to_sigterm_is_back_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    until_stopped([sys.executable, "-c", ""], os.environ)
    assert signal.getsignal(signal.SIGTERM) == before


def test_whoever_ends_us_ends_the_server(tmp_path):
    for asked in (signal.SIGTERM, signal.SIGINT):
        told = tmp_path / f"{asked.name}.txt"
        ours = subprocess.Popen(
            [sys.executable, "-c", OURS, SERVER, str(told)],
            stderr=subprocess.DEVNULL,
        )
        server = _number(told)
        ours.send_signal(asked)
        assert ours.wait(30) != 0
        assert _gone(server)
