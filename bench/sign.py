"""Many bundles through the same real servers in the same run: ``sigstep sign`` once, ``cosign sign-blob`` in a loop.

``SIGSTEP_BENCH_FILES`` says how many (500 by default); cosign signs a tenth of them, and its time is for each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.interop.stack.real import RealStack
from tests.interop.test_matrix import make_desk
from tests.interop.tools import TOOLS, tool

NEEDED = (
    "fulcio",
    "rekor1",
    "rekor2",
    "tsa",
    "trillian-server",
    "trillian-signer",
    "createtree",
    "ct-server",
    "cosign",
)


def main() -> int:
    """One line for each log version."""
    missing = [name for name in NEEDED if not TOOLS[name].built]
    if missing:
        print(f"not measured: {', '.join(missing)} missing (make interop builds them)")
        return 0
    count = int(os.environ.get("SIGSTEP_BENCH_FILES", "500"))  # noqa: TID251
    with RealStack() as stack:
        for log in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                measure(stack, Path(folder), log, count)
    return 0


def measure(stack: RealStack, folder: Path, log: int, count: int) -> None:
    """Time both tools on files of one folder."""
    files = [folder / f"{number}.bin" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(f"{log} {number}".encode())
    desk = make_desk(stack, folder, log)
    environ = {**os.environ, **stack.environ()}  # noqa: TID251
    began = time.perf_counter()
    command = [sys.executable, "-m", "sigstep", "sign", "--trust-config", str(desk.trust_config), *map(str, files)]
    subprocess.run(command, env=environ, check=True, capture_output=True)
    ours = (time.perf_counter() - began) / count
    trust = ["--signing-config", str(desk.signing_config), "--trusted-root", str(desk.trusted_root)]
    some = files[: max(1, count // 10)]
    began = time.perf_counter()
    for file in some:
        options = ["--yes", "--identity-token", stack.token(), "--bundle", f"{file}.cosign.json"]
        command = [tool("cosign"), "sign-blob", *options, *trust, str(file)]
        subprocess.run(command, check=True, capture_output=True)
    theirs = (time.perf_counter() - began) / len(some)
    print(
        f"Rekor v{log}: sigstep {ours * 1000:.0f} ms for each of {count} bundles, "
        f"cosign {theirs * 1000:.0f} ms for each of {len(some)}: {theirs / ours:.1f} times as fast",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
