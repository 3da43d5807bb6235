"""``python -m vireid.bench``: what ``vireid bench`` starts, with the number of threads pinned."""

import sys
from pathlib import Path

from vireid.bench import run

if __name__ == "__main__":
    run(quick="--quick" in sys.argv, out=Path(sys.argv[-1]) if "--out" in sys.argv else None)
