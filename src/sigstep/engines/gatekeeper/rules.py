"""What Gatekeeper's templates and constraints say, as values, with the settings of Ratify where they are given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sigstep.model.trust import TrustedKey

PACKAGE: Final = re.compile(r"^\s*package\s+([A-Za-z_][\w.]*)", re.MULTILINE)
"""The package of a Rego module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A ConstraintTemplate in Rego: the module with ``violation``, its libraries, and the version of the language.

    ``foreign`` names code that is not Rego, which is not judged.
    """

    kind: str
    package: str
    module: str
    libraries: tuple[str, ...]
    version: int
    foreign: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A constraint: what it is about, its parameters, and ``action`` (``deny``, ``warn``, ``dryrun``)."""

    name: str
    kind: str
    action: str
    match: Mapping[str, Any]
    parameters: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """An ExpansionTemplate: kinds whose ``source`` becomes a ``generated`` object, and the action for those."""

    applies: tuple[tuple[str, str, str], ...]
    source: tuple[str, ...]
    generated: tuple[str, str, str]
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RatifySigner:
    """One trust policy of Ratify's cosign verifier."""

    name: str
    scopes: tuple[str, ...]
    keys: tuple[TrustedKey, ...]
    elsewhere: str
    identity: Mapping[str, str]
    log: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratify:
    """Ratify's settings; ``unjudged`` names what of them is not judged here, with the reason."""

    signers: tuple[RatifySigner, ...]
    unjudged: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatekeeperRules:
    """All objects of the files. ``providers`` are names of Provider objects."""

    templates: Mapping[str, Template]
    constraints: tuple[Constraint, ...]
    expansions: tuple[Expansion, ...] = ()
    providers: tuple[str, ...] = ()
    ratify: Ratify | None = None

    @property
    def needs_config(self) -> bool:
        """Whether they look at the configuration of images."""
        return False

    @property
    def keys(self) -> tuple[TrustedKey, ...]:
        """Public keys that Ratify's settings name."""
        signers = self.ratify.signers if self.ratify else ()
        return tuple(dict.fromkeys(key for one in signers for key in one.keys))
