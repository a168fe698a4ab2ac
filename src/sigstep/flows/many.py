"""Many pieces of pure work over all cores, in processes that share what was there before (signatures hold the GIL)."""

from __future__ import annotations

import copyreg
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sigstep.errors import SigstepError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_PIECES: Final = 8  # for each core, so that both end at about the same time
_shared: list[Callable[[int, int], list[Any]]] = []


def over_cores(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """``work`` of each item, in order.

    Processes are used where there is more than one core and forking is safe (Linux, one thread); the
    results have to be picklable there. What fails in a process is done again in this one, so that its error is raised.

    Raises:
        SigstepError: what ``work`` raises.
    """
    cores = os.cpu_count() or 1
    if cores < 2 or sys.platform != "linux" or threading.active_count() > 1:
        return [work(item) for item in items]
    copyreg.pickle(MappingProxyType, _reduced)
    size = -(-len(items) // (cores * _PIECES))
    bounds = [(at, min(at + size, len(items))) for at in range(0, len(items), size)]
    _shared.append(lambda start, end: [work(item) for item in items[start:end]])
    try:
        with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("fork")) as pool:
            pieces = list(pool.map(_piece, bounds))
    except BrokenProcessPool:  # the system ended one, as where memory is short
        return [work(item) for item in items]
    finally:
        _shared.clear()
    return [
        one
        for (start, end), piece in zip(bounds, pieces, strict=True)
        for one in (piece if piece is not None else [work(item) for item in items[start:end]])
    ]


def _piece(bounds: tuple[int, int]) -> list[Any] | None:
    try:
        return _shared[0](*bounds)
    except SigstepError:
        return None  # raised again by the process that asked


def _reduced(proxy: MappingProxyType[Any, Any]) -> tuple[Any, ...]:
    return _proxy, (dict(proxy),)


def _proxy(members: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(members)
