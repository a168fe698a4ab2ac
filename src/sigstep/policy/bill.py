"""Rules over SBOMs: components and licences, for SPDX and CycloneDX alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.contents import missing, predicates
from sigstep.predicates import cyclonedx, spdx

URIS = (*spdx.Spdx.uris, *cyclonedx.CycloneDx.uris)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillOfMaterials:
    """At least one SBOM; together they name every component of ``with_components`` and none of the others.

    Attributes:
        with_components, without_components: names, ``name@version``, or package URLs with or without version.
        without_licences: licence expressions or identifiers that no component may have.
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
        found = predicates(proofs, URIS)
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
        for one in components:
            for licence in one["licences"]:
                if {licence, *_words(licence)} & set(self.without_licences):
                    return _finding(code="sbom-licence-forbidden", what=f"{one['name']!r} has the licence {licence!r}")
        parts = [one for document in documents for one in _components(document, described_too=False)]
        for one in parts if self.only_licences else ():
            if not any(_offers(licence, self.only_licences) for licence in one["licences"]):
                stated = ", ".join(map(repr, one["licences"])) or "no licence"
                return _finding(code="sbom-licence-forbidden", what=f"{one['name']!r} states {stated}")
        return None


def described(uri: str, predicate: Mapping[str, Any]) -> frozenset[str]:
    """Hexadecimal SHA-256 digests of what an SBOM says that it describes; none for another type.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    if uri in spdx.Spdx.uris:
        return spdx.described(predicate)
    return cyclonedx.described(predicate) if uri in cyclonedx.CycloneDx.uris else frozenset()


def _names(component: dict[str, Any]) -> tuple[str, ...]:
    purl = component["purl"].partition("?")[0]
    return (component["name"], f"{component['name']}@{component['version']}", purl, purl.rpartition("@")[0] or purl)


def _words(licence: str) -> list[str]:
    return licence.replace("(", " ").replace(")", " ").split()


def _offers(licence: str, allowed: tuple[str, ...]) -> bool:
    """Whether an expression can be satisfied by allowed licences: a choice by one, everything else by all of them."""
    words = _words(licence)
    names = [one for one in words if one not in ("AND", "OR", "WITH")]
    choice = "OR" in words and not {"AND", "WITH"} & set(words)
    return licence in allowed or (bool(names) and (any if choice else all)(one in allowed for one in names))


def _is_of(document: Mapping[str, Any], proof: Verified) -> bool:
    assert proof.statement is not None
    sha256 = proof.subject.digest()
    return sha256 is not None and sha256.hex in described(proof.statement.predicate_type, document)


def _components(document: dict[str, Any], *, described_too: bool = True) -> tuple[dict[str, Any], ...]:
    read = cyclonedx.components if "bomFormat" in document else spdx.components
    return read(document, described_too=described_too)


def _finding(*, code: str, what: str) -> Finding:
    return Finding(code=code, what=what, why="the policy asks otherwise", fix="change the component", step="content")
