"""Bundles beside a file, and bundles named by the user."""

from __future__ import annotations

from pathlib import Path

from sigstep.errors import FormatError, NothingToExamine, Undecided
from sigstep.model import limits
from sigstep.model.bundle import FILE_ENDINGS
from sigstep.ports.store import Found


def find_beside(path: Path) -> tuple[Found, ...]:
    """Bundles beside ``path``: ``<file>[.<kind>]`` with ``.sigstore.json``, ``.sigstore.jsonl``, ``.sigstore`` or
    slsa-github-generator's ``.intoto.jsonl``.

    Raises:
        Undecided: ``bundle-unreadable``.
        FormatError: ``bundle-too-large``, ``bundle-too-many``.
    """
    folder = path.parent
    names = sorted(
        one for one in folder.glob(f"{_escaped(path.name)}.*") if one.name.endswith(FILE_ENDINGS) and one.is_file()
    )
    return tuple(found for name in names for found in read_bundles(name))


def read_bundles(path: Path) -> tuple[Found, ...]:
    """The bundles in one file: one JSON document, or one on each line (JSON Lines).

    Raises:
        NothingToExamine: ``bundle-missing``.
        Undecided: ``bundle-unreadable``.
        FormatError: ``bundle-too-large``, ``bundle-too-many``.
    """
    data = read_file(path)
    lines = [line for line in data.splitlines() if line.strip()]
    if len(lines) > limits.BUNDLE_LINES:
        raise FormatError(
            code="bundle-too-many",
            what=f"{path} has {len(lines)} lines",
            why=f"at most {limits.BUNDLE_LINES} bundles are read",
            fix="split the file",
        )
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
        if path.stat().st_size > limits.BUNDLE_BYTES:
            raise FormatError(
                code="bundle-too-large",
                what=f"{path} is too large for a bundle",
                why=f"at most {limits.BUNDLE_BYTES} bytes are read",
                fix="check that the path is the one of the bundle",
            )
        return path.read_bytes()
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


def _escaped(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
