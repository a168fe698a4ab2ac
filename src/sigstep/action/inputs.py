"""Inputs of a step, from the variables that the action files map them to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sigstep.errors import UsageError

PREFIX = "SIGSTEP_INPUT_"
LIST_BYTES = 16 * 1024 * 1024  # a list file of 100 000 paths is about 10 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The inputs by name, as in the action file; an input that is not set is empty."""

    environ: Mapping[str, str]

    def text(self, name: str) -> str:
        """One value without the white space around it."""
        return self.environ.get(PREFIX + name.upper().replace("-", "_"), "").strip()

    def lines(self, name: str) -> tuple[str, ...]:
        """A list: one value a line, from the input and from the file that ``<name>-file`` names.

        Raises:
            UsageError: ``input-file-unreadable``, ``input-file-too-large``.
        """
        given = self.text(name)
        if path := self.text(f"{name}-file"):
            given = f"{given}\n{_read(Path(path), name)}"
        return tuple(line.strip() for line in given.splitlines() if line.strip() and not line.lstrip().startswith("#"))

    def flag(self, name: str) -> bool:
        """True or false, as YAML 1.2 writes them.

        Raises:
            UsageError: ``input-not-boolean``.
        """
        value = self.text(name)
        if value.lower() not in {"", "true", "false"}:
            raise UsageError(
                code="input-not-boolean",
                what=f"the input {name} is {value[:50]!r}",
                why="it takes true or false",
                fix=f"write `{name}: true` or `{name}: false`",
            )
        return value.lower() == "true"

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed values; the first where none is given.

        Raises:
            UsageError: ``input-unknown-value``.
        """
        value = self.text(name) or allowed[0]
        if value not in allowed:
            raise UsageError(
                code="input-unknown-value",
                what=f"the input {name} is {value[:50]!r}",
                why=f"it takes {', '.join(allowed)}",
                fix="choose one of them",
            )
        return value


def _read(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LIST_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            code="input-file-unreadable",
            what=f"the file of the input {name}-file cannot be read",
            why=str(error),
            fix="give the path of a UTF-8 text file, relative to the workspace",
        ) from None
    if len(data) > LIST_BYTES:
        raise UsageError(
            code="input-file-too-large",
            what=f"the file of the input {name}-file is too large",
            why=f"at most {LIST_BYTES} bytes are read",
            fix="split it over several steps",
        )
    return text
