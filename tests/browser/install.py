"""Make sure there is a Chromium for the browser tests: find one, or install Debian's as root."""

import os
import shutil
import subprocess
import sys

from vireid.site.handout import browser as find


def main() -> int:
    """Install when that is possible; otherwise say what to do. Without a browser its tests skip."""
    if found := find():
        print(f"browser tests use {found}")
        return 0
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("apt-get"):
        print(
            "No Chromium or Chrome found, so the browser tests will be skipped. To run them:\n"
            "  Debian, Ubuntu: sudo apt-get install -y chromium\n"
            "  elsewhere: install Chrome or Chromium, or set CHROMIUM=/path/to/it"
        )
        return 0
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    try:
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], **quiet)
    except subprocess.CalledProcessError as error:
        print(f"{' '.join(error.cmd)} failed; browser tests will be skipped", file=sys.stderr)
        return 0
    print(f"installed {find()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
