"""A server of ours that ends when we do, however we are ended."""

import signal
import subprocess
from collections.abc import Mapping, Sequence


def until_stopped(words: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a command until it ends, or until this process is interrupted or terminated.

    Parameters
    ----------
    words : program and arguments; env : the whole environment

    Returns its exit status. Call it from the main thread, which signals come to. The command is
    asked to end (SIGTERM) and waited for, so that ``kill`` leaves no server behind.
    """
    server, asked = None, []

    def end(*_) -> None:
        asked.append(True)
        if server is not None:
            server.terminate()

    before = signal.signal(signal.SIGTERM, end)
    try:
        server = subprocess.Popen(words, env=env)
        if asked:  # while it began
            server.terminate()
        return server.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        if server is not None and server.poll() is None:
            server.terminate()
            server.wait()
