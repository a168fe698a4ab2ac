"""Many targets in one call: all cores, the same report, errors as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.sandboxes import sandbox

from sigstep.flows.verify import _MANY
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

PROGRAM = """
import multiprocessing, os, sys
from types import MappingProxyType
from sigstep.errors import UsageError
from sigstep.flows.many import over_cores

PARENT = os.getpid()
begun = {PARENT}
all_begun = multiprocessing.Barrier(os.cpu_count())  # so that none takes the pieces of another

def work(item):
    if os.getpid() not in begun:
        begun.add(os.getpid())
        all_begun.wait(30)
    if item == 77 and '--fail' in sys.argv:
        raise UsageError(code='file-unreadable', what='no')
    if item == 77 and '--kill' in sys.argv and os.getpid() != PARENT:
        os.kill(os.getpid(), 9)
    return MappingProxyType({'item': item, 'process': os.getpid()})

try:
    found = over_cores(work, range(100))
except UsageError as error:
    print(error.code)
else:
    assert [one['item'] for one in found] == list(range(100))
    print(len({one['process'] for one in found} - {os.getpid()}))
"""


def run(*arguments: str) -> str:
    """The program's output; a process of its own, because forking needs a process with one thread."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_core_works() -> None:
    """In order, and with values that do not travel by themselves."""
    cores = os.cpu_count() or 1
    assert int(run()) == (cores if sys.platform == "linux" and cores > 1 else 0)
    assert run("--fail") == "file-unreadable"


def test_a_folder_of_many_files(sandbox: Sandbox, tmp_path: Path) -> None:
    """One changed file among many is the one that is refused."""
    for number in range(_MANY + 6):
        data = b"file %d" % number
        (tmp_path / f"f{number:03}").write_bytes(data)
        (tmp_path / f"f{number:03}.sigstore.json").write_text(json.dumps(sandbox.forge.bundle(data)))
    (tmp_path / "f040").write_bytes(b"changed")
    command = [sys.executable, "-m", "sigstep", "verify", "--offline", "--format", "json", "--repo", "acme/app"]
    done = subprocess.run(
        [*command, "--trusted-root", str(sandbox.trusted_root_file), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = json.loads(done.stdout)["verdicts"]
    assert done.returncode == 1
    assert [one["subject"]["name"] for one in verdicts] == [f"f{number:03}" for number in range(_MANY + 6)]
    assert [one["subject"]["name"] for one in verdicts if one["outcome"] != "accepted"] == ["f040"]


def test_a_process_that_is_killed() -> None:
    """As the system does where memory is short: its work is done again, and nothing is lost."""
    assert run("--kill") == "0"
