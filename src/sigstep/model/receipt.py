"""Receipts: where something was published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One publication: the store's name, where it went (path, URL or reference), and the id the store gave it."""

    store: str
    location: str
    id: str = ""
    url: str = ""
