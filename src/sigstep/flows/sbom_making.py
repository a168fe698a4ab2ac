"""``--sbom auto``: an SBOM by syft where it is there, otherwise of the Python project by CycloneDX's own tool."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sigstep.errors import ServiceError, UsageError
from sigstep.flows.reports import PLAIN, Reading, sbom, sbom_of
from sigstep.model.statement import Predicate
from sigstep.ports.world import World

AUTO: Final = "auto"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
LIMIT_SECONDS: Final = 600.0
_LOCKED: Final = (
    ("poetry.lock", ("poetry",)),
    ("Pipfile.lock", ("pipenv",)),
    ("requirements.txt", ("requirements",)),
)


def sbom_named(text: str, world: World, reading: Reading = PLAIN, *, what: str = "") -> Predicate:
    """The SBOM that an option names: a file, ``auto``, or ``auto:WHAT``.

    Args:
        what: what ``auto`` alone is about; empty: the current folder.

    Raises:
        UsageError, FormatError, ServiceError: see `make_sbom` and `sigstep.flows.reports.sbom`.
    """
    word, _, named = text.partition(":")
    if word == AUTO and not Path(text).exists():
        return make_sbom(named or what, world, reading)
    return sbom(Path(text), world, reading)


def make_sbom(source: str, world: World, reading: Reading = PLAIN, environ: Mapping[str, str] = _NOTHING) -> Predicate:
    """A CycloneDX SBOM of what ``source`` names.

    Args:
        source: a folder, a file or (with syft) an image; empty: the current folder.
        world: for the child process.
        reading: how the result is read.
        environ: what the tool's environment has beside the world's.

    Raises:
        UsageError: ``sbom-generator-missing``.
        ServiceError: ``sbom-generator-failed``, ``process-timeout``.
        FormatError: the tool wrote something else than an SBOM.
    """
    command = _syft(source, world) or _python(source, world)
    around = {**world.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false", **environ}
    done = world.process.run(command, timeout=LIMIT_SECONDS, environ=around)
    if done.status != 0:
        raise ServiceError(
            code="sbom-generator-failed",
            what=f"{Path(command[0]).name} made no SBOM",
            why=done.stderr.decode("utf-8", "replace").strip()[-300:],
            fix="run it by hand, or give the SBOM as a file",
        )
    return sbom_of(done.stdout, f"the SBOM of {source or 'the current folder'}", world, reading)


def _syft(source: str, world: World) -> Sequence[str]:
    program = world.process.which("syft")
    if program is None:
        return ()
    named = Path(source or ".")
    form = "dir:" if named.is_dir() else "file:" if named.is_file() else ""
    return (program, "scan", "--quiet", "--output", "cyclonedx-json", f"{form}{source or '.'}")


def _python(source: str, world: World) -> Sequence[str]:
    """The lock file of a folder, else the Python environment that is active (or lies in the folder)."""
    folder = Path(source or ".")
    if importlib.util.find_spec("cyclonedx_py") is None or not folder.is_dir():
        raise UsageError(
            code="sbom-generator-missing",
            what="no tool is here that makes an SBOM",
            why="syft is not on PATH"
            + ("" if folder.is_dir() else f", and {source} is not a folder with a Python project"),
            fix="install syft or sigstep[sbom], or give the SBOM as a file",
        )
    start = (sys.executable, "-m", "cyclonedx_py")
    form = ("--of", "JSON", "--output-file", "-")
    for name, kind in _LOCKED:
        if (folder / name).is_file():
            return (*start, *kind, *form, str(folder / name) if kind == ("requirements",) else str(folder))
    environment = str(folder) if (folder / "pyvenv.cfg").is_file() else world.environ.get("VIRTUAL_ENV", "")
    return (*start, "environment", *form, *([environment] if environment else ()))
