"""Hashing 4 GB in 8 files, warm cache: sigstep against the bare SHA-256 speed of all cores."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sigstep.model.digest import Algorithm
from sigstep.subjects.digest import hash_files

FILES, BYTES = 8, 512 * 1024 * 1024


def main() -> None:
    """Print both times and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.bin" for number in range(FILES)]
        for path in paths:
            with path.open("wb") as file:
                file.truncate(BYTES)
        piece = bytes(1 << 20)

        def bare(_: int) -> None:
            digest = hashlib.sha256()
            for _ in range(BYTES // len(piece)):
                digest.update(piece)

        began = time.perf_counter()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(bare, range(FILES)))
        floor = time.perf_counter() - began
        hash_files(paths, (Algorithm.SHA256,))  # warms the cache
        began = time.perf_counter()
        hash_files(paths, (Algorithm.SHA256,))
        ours = time.perf_counter() - began
    print(f"bare {floor:.2f} s, sigstep {ours:.2f} s, ratio {ours / floor:.2f}")


if __name__ == "__main__":
    main()
