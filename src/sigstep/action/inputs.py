"""Inputs of a step, from the variables that the action files map them to."""

from __future__ import annotations

import csv
import re
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

    def entries(self, name: str) -> tuple[str, ...]:
        """A list as actions/attest takes it: one value a line, or several with commas between; quotes hold a value
        with commas together, and a line that is the path of a file is that path.

        Raises:
            UsageError: as `lines`.
        """
        found: list[str] = []
        for line in self.lines(name):
            if "," not in line or Path(line).exists():
                found.append(line)
                continue
            cells = next(csv.reader([line], skipinitialspace=True))
            found += [cell.strip() for cell in cells if cell.strip()]
        return tuple(found)

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

    def number(self, name: str, default: float) -> float:
        """Seconds: a number, or one with ``s``, ``m`` or ``h`` behind it.

        Raises:
            UsageError: ``input-not-number``.
        """
        value = self.text(name)
        if not value:
            return default
        match = re.fullmatch(r"(\d{1,6})([smh]?)", value)
        if match is None:
            raise UsageError(
                code="input-not-number",
                what=f"the input {name} is {value[:50]!r}",
                why="it takes a time",
                fix="write 90s, 45m or 2h",
            )
        return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]

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
