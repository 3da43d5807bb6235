"""``python -m vireid.bench``: what ``vireid bench`` starts, with the number of threads pinned."""

import argparse
from pathlib import Path

from vireid.bench import NoPartError, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", default="")
    try:
        run(**vars(parser.parse_args()))
    except NoPartError as error:
        parser.error(str(error))
