"""Rules over SBOMs: components and licences, for SPDX and CycloneDX alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.contents import missing, predicates
from sigstep.predicates import cyclonedx, spdx
from sigstep.wire.fields import document_in

_OPERATORS: Final = frozenset({"AND", "OR", "WITH"})
URIS = (*spdx.Spdx.uris, *cyclonedx.CycloneDx.uris)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillOfMaterials:
    """At least one SBOM; together they name every component of ``with_components`` and none of the others.

    Attributes:
        with_components, without_components: names, ``name@version``, or package URLs with or without version.
        without_licences: licence expressions or identifiers that no component may have, in any case.
        only_licences: identifiers or expressions of which each component (the described one aside) has to offer one.
        of_subject: each SBOM states the SHA-256 of what it describes, and that is the subject's.
    """

    with_components: tuple[str, ...] = ()
    without_components: tuple[str, ...] = ()
    without_licences: tuple[str, ...] = ()
    only_licences: tuple[str, ...] = ()
    of_subject: bool = False

    def judge(self, proofs: Sequence[Verified], now: datetime) -> Finding | None:  # noqa: ARG002 - the protocol's
        """The first disagreement, or None."""
        found = [(proof, document_in(predicate)) for proof, predicate in predicates(proofs, URIS)]
        if not found:
            return missing(URIS)
        documents = [predicate for _, predicate in found]
        if self.of_subject and not all(_is_of(predicate, proof) for proof, predicate in found):
            what = "an SBOM does not state the digest of the artifact as that of what it describes"
            return _finding(code="sbom-subject-mismatch", what=what)
        components = [one for document in documents for one in _components(document)]
        named = {name for one in components for name in _names(one)}
        for wanted in self.with_components:
            if wanted not in named:
                return _finding(code="sbom-component-missing", what=f"the SBOM does not name {wanted!r}")
        for forbidden in self.without_components:
            if forbidden in named:
                return _finding(code="sbom-component-forbidden", what=f"the SBOM names {forbidden!r}")
        unwanted = {one.lower() for one in self.without_licences}
        for one in components:
            for licence in one["licences"]:
                if not unwanted.isdisjoint((licence.lower(), *_licences(licence))):
                    return _finding(code="sbom-licence-forbidden", what=f"{one['name']!r} has the licence {licence!r}")
        parts = [one for document in documents for one in _components(document, described_too=False)]
        allowed = frozenset(one.lower() for one in self.only_licences)
        for one in parts if allowed else ():
            if not any(_offers(licence, allowed) for licence in one["licences"]):
                stated = ", ".join(map(repr, one["licences"])) or "no licence"
                return _finding(code="sbom-licence-forbidden", what=f"{one['name']!r} states {stated}")
        return None


def described(uri: str, predicate: Mapping[str, Any]) -> frozenset[str]:
    """Hexadecimal SHA-256 digests of what an SBOM says that it describes; none for another type.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    predicate = document_in(predicate)
    if uri in spdx.Spdx.uris:
        return spdx.described(predicate)
    return cyclonedx.described(predicate) if uri in cyclonedx.CycloneDx.uris else frozenset()


def _names(component: dict[str, Any]) -> tuple[str, ...]:
    purl = component["purl"].partition("?")[0]
    return (component["name"], f"{component['name']}@{component['version']}", purl, purl.rpartition("@")[0] or purl)


def _words(licence: str) -> list[str]:
    return licence.replace("(", " ").replace(")", " ").split()


def _licences(expression: str) -> set[str]:
    """The identifiers in an expression, in lower case; what is offered "or later" is offered (``GPL-2.0+``).

    Identifiers have no case, operators have (SPDX 2.3, annex D.2).
    """
    words = {one.lower() for one in _words(expression) if one not in _OPERATORS}
    return words | {one.removesuffix("+") for one in words}


def _offers(licence: str, allowed: frozenset[str]) -> bool:
    """Whether an expression can be satisfied by allowed licences: a choice by one, everything else by all of them.

    ``allowed`` are in lower case, as identifiers have no case.
    """
    words = _words(licence)
    names = [one for one in words if one not in _OPERATORS]
    choice = "OR" in words and not {"AND", "WITH"} & set(words)
    taken = (one.lower() in allowed for one in names)
    return licence.lower() in allowed or (bool(names) and (any if choice else all)(taken))


def _is_of(document: Mapping[str, Any], proof: Verified) -> bool:
    assert proof.statement is not None
    sha256 = proof.subject.digest()
    return sha256 is not None and sha256.hex in described(proof.statement.predicate_type, document)


def _components(document: Mapping[str, Any], *, described_too: bool = True) -> tuple[dict[str, Any], ...]:
    read = cyclonedx.components if "bomFormat" in document else spdx.components
    return read(document, described_too=described_too)


def _finding(*, code: str, what: str) -> Finding:
    return Finding(code=code, what=what, why="the policy asks otherwise", fix="change the component", step="content")
