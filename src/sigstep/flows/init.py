"""Init: the release workflow for the repository at hand, from the examples that the tests run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sigstep.errors import NothingToExamine, UsageError
from sigstep.ports.writing import write_whole

USES: Final = "OWNER/sigstep@0000000000000000000000000000000000000000 # v0.1.0"  # scripts/pin.py sets it everywhere
KINDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # kind: files of which one says that the repository is of this kind
        "python": ("pyproject.toml", "setup.py"),
        "npm": ("package.json",),
        "go": ("go.mod",),
        "container": ("Dockerfile", "Containerfile"),
    }
)
_EXAMPLES: Final = MappingProxyType(
    {
        "python": "python-package.yml",
        "npm": "npm-package.yml",
        "go": "go-goreleaser.yml",
        "container": "container.yml",
    }
)
_PINNED: Final = re.compile(r"(?P<slug>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})( # (?P<version>[\w.-]+))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One workflow to write: where, what stands there now (empty where nothing does), and what would stand there."""

    path: Path
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The change as a unified diff; empty where nothing changes."""
        name = self.path.as_posix()
        lines = unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True), f"a/{name}", f"b/{name}"
        )
        return "".join(lines)

    def write(self) -> None:
        """Write the workflow, whole or not at all.

        Raises:
            UsageError: ``output-unwritable``.
        """
        write_whole(self.path, self.after.encode())


def propose(folder: Path, *, kinds: tuple[str, ...] = (), uses: str = USES) -> tuple[Proposal, ...]:
    """The workflows for what a repository is, every action in them pinned by its commit.

    Args:
        folder: the repository.
        kinds: keys of `KINDS`; none: those whose files are there.
        uses: sigstep itself, ``OWNER/NAME@COMMIT`` with 40 hexadecimal digits, and ``# VERSION`` if wanted.

    Raises:
        UsageError: ``init-unpinned``, or a workflow that is there cannot be read (``file-unreadable``).
        NothingToExamine: ``init-unknown-repository``.
    """
    found = _PINNED.fullmatch(uses)
    if found is None or set(found["commit"]) == {"0"}:
        raise UsageError(
            code="init-unpinned",
            what="the workflow would not name a commit of sigstep",
            why=f"{uses[:100]!r} is not OWNER/NAME@ and the 40 digits of a commit that exists",
            fix="give --uses OWNER/sigstep@COMMIT with the commit that you reviewed",
        )
    kinds = kinds or tuple(kind for kind, files in KINDS.items() if any((folder / one).is_file() for one in files))
    if not kinds:
        raise NothingToExamine(
            code="init-unknown-repository",
            what="nothing here says what this repository releases",
            why=f"none of {', '.join(one for files in KINDS.values() for one in files)} is in {folder}",
            fix=f"name it with --kind {'|'.join(KINDS)}",
        )
    return tuple(_proposal(folder, kind, found, single=len(kinds) == 1) for kind in kinds)


def _proposal(folder: Path, kind: str, pinned: re.Match[str], *, single: bool) -> Proposal:
    path = folder / ".github" / "workflows" / ("sigstep.yml" if single else f"sigstep-{kind}.yml")
    slug, _, pin = USES.partition("@")
    after = _example(kind).replace(pin, f"{pinned['commit']} # {pinned['version'] or 'the commit that was reviewed'}")
    for end in "/@":
        after = after.replace(slug + end, pinned["slug"] + end)
    return Proposal(path=path, before=_text(path), after=after)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            code="file-unreadable", what=f"{path} cannot be read", why=str(error), fix="move it away, or name --kind"
        ) from None


def _example(kind: str) -> str:
    """The example, from the package or from the source tree that this module is in."""
    packaged = resources.files("sigstep") / "workflows-examples"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[3] / "workflows-examples"
    return (folder / _EXAMPLES[kind]).read_text(encoding="utf-8")
