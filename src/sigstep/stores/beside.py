"""Bundles beside a file, and bundles named by the user."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

from sigstep.errors import FormatError, NothingToExamine, Undecided
from sigstep.model import limits
from sigstep.model.bundle import FILE_ENDINGS
from sigstep.ports.store import Found


class Beside:
    """Bundles beside files; each folder is listed once."""

    def __init__(self) -> None:
        self._listed: dict[Path, list[str]] = {}

    def find(self, path: Path) -> tuple[Found, ...]:
        """As `find_beside`."""
        folder = path.parent
        if folder not in self._listed:
            try:
                self._listed[folder] = sorted(one.name for one in folder.iterdir() if one.name.endswith(FILE_ENDINGS))
            except PermissionError as error:  # the file may be readable, and what is beside it is hidden
                raise Undecided(
                    code="bundle-unreadable",
                    what=f"the folder {folder} cannot be listed",
                    why=error.strerror or "",
                    fix="check its permissions, or name the bundle with --bundle",
                ) from None
            except OSError:
                self._listed[folder] = []  # the file itself is then missing or unreadable too, and that is told
        names, start = self._listed[folder], f"{path.name}."
        found: list[Found] = []
        for name in names[bisect_left(names, start) :]:
            if not name.startswith(start):
                break
            if (folder / name).is_file():
                found.extend(read_bundles(folder / name))
        return tuple(found)


def find_beside(path: Path) -> tuple[Found, ...]:
    """Bundles beside ``path``: ``<file>[.<kind>]`` with ``.sigstore.json``, ``.sigstore.jsonl``, ``.sigstore``,
    slsa-github-generator's ``.intoto.jsonl``, PEP 740's ``.attestation`` or conda's ``.v0.sigs``.

    Raises:
        Undecided: ``bundle-unreadable``.
        FormatError: ``bundle-too-large``, ``bundle-too-many``.
    """
    return Beside().find(path)


def read_bundles(path: Path) -> tuple[Found, ...]:
    """The bundles in one file: one JSON document, or one on each line (JSON Lines).

    Raises:
        NothingToExamine: ``bundle-missing``.
        Undecided: ``bundle-unreadable``.
        FormatError: ``bundle-too-large``, ``bundle-too-many``.
    """
    data = read_file(path)
    count = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
    if count > limits.BUNDLE_LINES:
        raise FormatError(
            code="bundle-too-many",
            what=f"{path} has {count} lines",
            why=f"at most {limits.BUNDLE_LINES} bundles are read",
            fix="split the file",
        )
    lines = [line for line in data.splitlines() if line.strip()]
    if len(lines) < 2 or not all(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
        return (Found(source=str(path), data=data),)
    return tuple(Found(source=f"{path}:{at}", data=line) for at, line in enumerate(lines, start=1))


def read_file(path: Path) -> bytes:
    """The bytes of a bundle, or of a part of one.

    Raises:
        NothingToExamine: ``bundle-missing``.
        Undecided: ``bundle-unreadable``.
        FormatError: ``bundle-too-large``.
    """
    try:
        with path.open("rb") as file:  # a device has no size that could be asked for before
            data = file.read(limits.BUNDLE_BYTES + 1)
    except FileNotFoundError:
        raise NothingToExamine(
            code="bundle-missing", what=f"the bundle {path} does not exist", fix="check the path"
        ) from None
    except OSError as error:
        raise Undecided(
            code="bundle-unreadable",
            what=f"{path} cannot be read",
            why=error.strerror or "",
            fix="check its permissions",
        ) from None
    if len(data) > limits.BUNDLE_BYTES:
        raise FormatError(
            code="bundle-too-large",
            what=f"{path} is too large for a bundle",
            why=f"at most {limits.BUNDLE_BYTES} bytes are read",
            fix="check that the path is the one of the bundle",
        )
    return data
