"""Ctrl-C and SIGTERM: waits end, nothing new is begun, and the process ends without waiting for open requests."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

from sigstep.errors import Undecided
from sigstep.ports.real import wake_up

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_asked: list[int] = []


def raise_on_signals() -> None:
    """From now on both signals raise KeyboardInterrupt in the main thread, and end every wait in the others."""
    for number in _ENDING:
        signal.signal(number, _end)


def interrupted() -> Undecided:
    """What to tell about a run that a signal ended."""
    return Undecided(
        code="interrupted",
        what="the run was asked to end",
        why=f"by {signal.Signals(_asked[0] if _asked else signal.SIGINT).name}",
        fix="run it again; what was written is whole, and --resume keeps it",
    )


def leave() -> NoReturn:
    """End at once with 128 + signal; files are written whole or not at all, so that nothing has to be waited for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(128 + (_asked[0] if _asked else signal.SIGINT))


def _end(number: int, _: FrameType | None) -> None:
    _asked.append(number)
    wake_up()
    raise KeyboardInterrupt
