"""The step's own environment: wheels whose hashes the lock names, unpacked, and checked again before each use.

Only the standard library is used here. Run as a script by setup.sh, which makes the environment; imported by main.py,
which checks it. ``*.pyc`` files are neither written nor read: nothing could tell whether one belongs to its source.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import re
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

WHEELS = "wheels"
SITE = "site"
CHUNK = 1 << 20


def make(folder: Path, lock: Path, wheels: Path) -> None:
    """Unpack downloaded wheels into a new folder and put it in its place in one step.

    Raises:
        SystemExit: a wheel is not in the lock.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}-"))
    allowed = locked(lock)
    (new / WHEELS).mkdir()
    for wheel in sorted(wheels.glob("*.whl")):
        if digest_of(wheel) not in allowed:
            continue  # a wheelhouse may hold wheels of others
        (new / WHEELS / wheel.name).write_bytes(wheel.read_bytes())
        with zipfile.ZipFile(wheel) as archive:
            for path in recorded(archive):
                target = new / SITE / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(path))
    check(new, lock)
    try:
        new.rename(folder)
    except OSError:
        check(folder, lock)  # another job was faster


def check(folder: Path, lock: Path) -> Path:
    """The folder to import from, where every file in it is one that a locked wheel brought, and none is missing.

    Raises:
        SystemExit: it is not so.
    """
    allowed = locked(lock)
    expected: dict[str, str] = {}
    wheels = sorted((folder / WHEELS).iterdir()) if (folder / WHEELS).is_dir() else []
    for wheel in wheels:
        if digest_of(wheel) not in allowed:
            raise refused(folder, f"{wheel.name} is not in the lock")
        with zipfile.ZipFile(wheel) as archive:
            expected.update(recorded(archive))
    if not expected:
        raise refused(folder, "it is empty")
    site = folder / SITE
    found = {
        path.relative_to(site).as_posix(): path for path in site.rglob("*") if not path.is_dir() or path.is_symlink()
    }
    for name in sorted(expected.keys() ^ found.keys()):
        raise refused(folder, f"{name} is {'missing' if name in expected else 'not from a locked wheel'}")
    for name, path in found.items():
        if path.is_symlink() or digest_of(path) != expected[name]:
            raise refused(folder, f"{name} is not as its wheel brought it")
    return site


def locked(lock: Path) -> frozenset[str]:
    """The digests of the lock, hexadecimal."""
    return frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock.read_text(encoding="utf-8")))


def recorded(archive: zipfile.ZipFile) -> dict[str, str]:
    """Files of a wheel and their digests as its RECORD has them (PyPA, Recording installed projects).

    RECORD itself has none there; that of the wheel stands for it.
    """
    record = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/RECORD", name))
    files = {record: hashlib.sha256(archive.read(record)).hexdigest()}
    for path, digest, _ in csv.reader(archive.read(record).decode("utf-8").splitlines()):
        parts = PurePosixPath(path)
        if digest and not parts.is_absolute() and ".." not in parts.parts and ".data" not in parts.parts[0]:
            name, _, value = digest.partition("=")
            if name == "sha256":
                files[path] = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex()
    return files


def digest_of(path: Path) -> str:
    """The sha256 of a file, hexadecimal."""
    running = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            running.update(piece)
    return running.hexdigest()


def refused(folder: Path, why: str) -> SystemExit:
    """Told as an annotation; the exit status is 1."""
    print(f"::error title=sigstep::The step's environment was changed after it was made: {why}. Remove {folder}.")
    return SystemExit(1)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
