"""Options that several commands share, put onto a command together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def together(options: Sequence[Callable[[Any], Any]], command: Any) -> Any:
    """The command with the options, listed by ``--help`` in their order."""
    for option in reversed(options):
        command = option(command)
    return command
