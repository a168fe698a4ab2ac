"""Stores: where bundles are published and found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sigstep.model.receipt import Receipt
from sigstep.model.subject import Subject
from sigstep.ports.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A bundle as found: its bytes (unparsed) and where it was found, for people. Discovery proves nothing."""

    source: str
    data: bytes


class Store(Protocol):
    """One place where bundles live. A store is a frozen value that knows its settings (folder, repository, address)."""

    @property
    def name(self) -> str:
        """The store's name in options, reports and receipts."""
        ...

    def publish(self, bundle: bytes, subjects: Sequence[Subject], world: World) -> tuple[Receipt, ...]:
        """Store one bundle (the bytes of its JSON) that is about ``subjects``.

        Raises:
            SigstepError: nothing was stored.
        """
        ...

    def find(self, subject: Subject, world: World) -> tuple[Found, ...]:
        """Every bundle known about a subject; empty where there is none.

        Raises:
            SigstepError: the store could not be asked.
        """
        ...
