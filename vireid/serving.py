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
    server = subprocess.Popen(words, env=env)
    before = signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    try:
        return server.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
        if server.poll() is None:
            server.terminate()
            server.wait()
