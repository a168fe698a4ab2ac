"""Stores: where bundles are published and found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.ports.world import World

if TYPE_CHECKING:
    from sigstep.model.receipt import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A bundle as found: its bytes (unparsed) and where it was found, for people. Discovery proves nothing."""

    source: str
    data: bytes


class Store(Protocol):
    """One place where bundles are published: a frozen value that knows its settings (folder, repository, address)."""

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


class Finder(Protocol):
    """One place where bundles about artifacts are looked for."""

    @property
    def name(self) -> str:
        """The place's name in reports."""
        ...

    def find(self, subjects: Sequence[Subject], world: World) -> Mapping[Digest, tuple[Found, ...]]:
        """Every bundle known about each digest of the subjects; empty where there is none.

        Raises:
            SigstepError: the place could not be asked.
        """
        ...
