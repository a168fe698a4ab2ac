"""Hashing 4 GB in 8 files, warm cache, over all cores: sigstep against the bare SHA-256 speed of these cores."""

from __future__ import annotations

import hashlib
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sigstep.model.digest import Algorithm
from sigstep.subjects.digest import hash_files

FILES, BYTES, ROUNDS = 8, 512 * 1024 * 1024, 3
TARGET, MEGABYTES = 1.15, 100


def bare(_: int) -> None:
    """SHA-256 over as many bytes as a file has, from memory."""
    digest, piece = hashlib.sha256(), bytes(1 << 18)
    for _ in range(BYTES // len(piece)):
        digest.update(piece)


def seconds(action: Callable[[], object]) -> float:
    """How long it takes, once."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def all_bare() -> None:
    """Every file's worth of hashing, spread over the cores as sigstep spreads it."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(bare, range(FILES)))


def main() -> None:
    """The best of a few rounds of each, taken in turn."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.bin" for number in range(FILES)]
        for path in paths:
            with path.open("wb") as file:
                file.write(os.urandom(1 << 20))
                file.truncate(BYTES)
        hash_files(paths, (Algorithm.SHA256,))  # warms the cache
        rounds = [(seconds(all_bare), seconds(lambda: hash_files(paths, (Algorithm.SHA256,)))) for _ in range(ROUNDS)]
    floor, ours = (min(times) for times in zip(*rounds, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"bare {floor:.2f} s, sigstep {ours:.2f} s, ratio {ours / floor:.2f} (wanted {TARGET})")
    print(f"memory of the whole process {memory:.0f} MB (wanted below {MEGABYTES})")


if __name__ == "__main__":
    main()
