"""How loops are compiled, and run by threads. Import this inside functions only: numba is slow."""

from concurrent.futures import ThreadPoolExecutor

import torch
from numba import njit


def compiled(function=None, **options):
    """Compile without the GIL; kept on disk unless no folder is writable (a read-only install)."""
    if function is None:
        return lambda f: compiled(f, **options)
    try:
        return njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:
        return njit(nogil=True, **options)(function)


def in_threads(loop, parts) -> list:
    """[loop(*part) for part in parts], on as many threads as torch uses.

    Plain threads and loops without the GIL: numba's own threading layers abort the process when two
    Python threads (a notebook's widget and its training) enter them at the same time.
    """
    parts = list(parts)
    workers = min(torch.get_num_threads(), len(parts))
    if workers <= 1:
        return [loop(*part) for part in parts]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda part: loop(*part), parts))
