"""``python -m vireid.bench.first N plain|ours``: a process's first call, one line of JSON."""

import hashlib
import json
import sys
from time import perf_counter, process_time

from vireid.bench import parts


def main(n: int, side: str) -> dict:
    """CPU and wall seconds of features to labels, and a digest of the labels."""
    call = getattr(parts.labels(n), side)
    wall, cpu = perf_counter(), process_time()
    labels = call()
    cpu, wall = process_time() - cpu, perf_counter() - wall
    return {"cpu": cpu, "wall": wall, "result": hashlib.sha256(labels.tobytes()).hexdigest()}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.argv[2])))
