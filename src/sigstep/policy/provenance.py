"""Rules over SLSA provenance: the certificate speaks first, the predicate has to agree with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.contents import missing, predicates
from sigstep.policy.levels import build_level, is_delegator
from sigstep.policy.matcher import Matcher
from sigstep.predicates.slsa_provenance import V02, V1, Build, read

RUNNER: Final = "https://github.com/actions/runner"  # the builder that npm's provenance names
_NAME_IT: Final = "name the reusable workflow as builder, if it is known to build apart from the workflow that calls it"
_SEMVER: Final = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceFrom:
    """At least one provenance, and each of them says what the members that are given say.

    Attributes:
        builder: the builder; an exact text may leave out its ``@ref``.
        source: the repository as ``https://host/owner/name``.
        source_id: the repository's number, by the certificate.
        ref: a full git reference, ``refs/tags/v1``.
        branch, tag: names; for a tag the branch is the one it was made on, where the provenance says it.
        versioned_tag: a semantic version of which the given parts have to agree (``v1.2`` takes ``v1.2.7``).
        commit: hexadecimal.
        inputs: workflow inputs that have to be there with these values.
        hosted: the runner is the platform's own, by the certificate.
        level: the least SLSA Build level; 3 takes the builders that are known, and one that is named.
        builder_named: the builder is named elsewhere: who may sign is one workflow.
        build_type: its URI.
    """

    builder: Matcher | None = None
    source: str = ""
    source_id: str = ""
    ref: str = ""
    branch: str = ""
    tag: str = ""
    versioned_tag: str = ""
    commit: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    hosted: bool = False
    level: int = 0
    builder_named: bool = False
    build_type: str = ""

    def judge(self, proofs: Sequence[Verified], now: datetime) -> Finding | None:  # noqa: ARG002 - the protocol's
        """The first disagreement, or None."""
        found = predicates(proofs, (V1, V02))
        if not found:
            return missing((V1, V02))
        for proof, predicate in found:
            assert proof.statement is not None
            build = read(proof.statement.predicate_type, predicate)
            finding = _agrees_with_certificate(build, proof) or self._judge_one(build, proof)
            if finding is not None:
                return finding
        return None

    @property
    def names_builder(self) -> bool:
        """Whether the builder is named, here or elsewhere."""
        return self.builder is not None or self.builder_named

    def _judge_one(self, build: Build, proof: Verified) -> Finding | None:
        repository, _, ref = build.source_uri.removeprefix("git+").partition("@")
        certified = proof.identity.extensions if proof.identity else {}
        if self.builder is not None and not _is_builder(self.builder, build.builder_id):
            return _differs("builder", build.builder_id, str(self.builder))
        for name, says, wanted in (
            ("source", certified.get("source-repository") or repository.removesuffix(".git"), self.source),
            ("source id", certified.get("source-repository-id", ""), self.source_id),
            ("ref", certified.get("source-repository-ref") or ref, self.ref),
            ("branch", build.branch, self.branch),
            ("tag", build.tag, self.tag),
            ("commit", build.source_commit, self.commit.lower()),
            ("build type", build.build_type, self.build_type),
        ):
            if wanted and says != wanted:
                return _differs(name, says, wanted)
        if self.versioned_tag and not is_version(build.tag, self.versioned_tag):
            return _differs("tag", build.tag, self.versioned_tag)
        for name, wanted in self.inputs.items():
            if name not in build.inputs or build.inputs[name] != wanted:
                return _differs(f"input {name}", str(build.inputs.get(name)), str(wanted))
        runner = certified.get("runner-environment", "")
        if self.hosted and runner != "github-hosted":
            return _differs("runner", runner, "github-hosted")
        level = build_level(proof, builder_named=self.names_builder)
        if level < self.level:
            could = build_level(proof, builder_named=True)
            fix = _NAME_IT if could >= self.level else ""
            return _differs("level", f"SLSA Build L{level}", f"SLSA Build L{self.level}", fix)
        return None


def is_version(tag: str, wanted: str) -> bool:
    """Whether a tag is a version whose parts agree with those given in ``wanted`` (slsa-verifier, versioned tags)."""
    found, asked = _SEMVER.fullmatch(tag), _SEMVER.fullmatch(wanted)
    if found is None or asked is None:
        return False
    given = [part for part in asked.groups()[:3] if part is not None]
    if list(found.groups()[: len(given)]) != given:
        return False
    return found[4] == asked[4] or (asked[4] is None and len(given) < 3)


def _is_builder(wanted: Matcher, builder_id: str) -> bool:
    exact = wanted.kind == "exact" and builder_id.partition("@")[0] == wanted.text
    return exact or wanted.matches(builder_id)


def _agrees_with_certificate(build: Build, proof: Verified) -> Finding | None:
    """SLSA v1.0, verifying artifacts, step 1: the signer is the builder; source and commit are those of its token.

    Two builders sign for others: npm's provenance names the runner, and a delegator of slsa-github-generator names the
    workflow that it ran.
    """
    if proof.identity is None:
        return None
    extensions = proof.identity.extensions
    signer = extensions.get("build-signer-uri", "")
    said = build.source_uri.removeprefix("git+").partition("@")[0].removesuffix(".git")
    builder = build.builder_id
    if builder in (RUNNER, f"{RUNNER}/{extensions.get('runner-environment')}") or is_delegator(signer):
        builder = signer
    ref = f"refs/tags/{build.tag}" if build.tag else f"refs/heads/{build.branch}" if build.branch else ""
    pairs = (
        ("builder", builder, signer),
        ("ref", ref, extensions.get("source-repository-ref", "")),
        ("source", said, extensions.get("source-repository", "")),
        ("commit", build.source_commit, extensions.get("source-repository-digest", "").lower()),
    )
    for name, says, proved in pairs:
        if says and proved and says != proved:
            return Finding(
                code="provenance-certificate-mismatch",
                what=f"the provenance names another {name} than the certificate",
                why=f"it says {says!r}, the certificate says {proved!r}",
                fix="do not use this artifact; the provenance was not written by the builder it names",
                step="content",
            )
    return None


def _differs(name: str, says: str, wanted: str, fix: str = "") -> Finding:
    return Finding(
        code="provenance-mismatch",
        what=f"the provenance names another {name}",
        why=f"it says {says!r}, the policy asks for {wanted!r}",
        fix=fix or "build it as the policy asks, or change the policy",
        step="content",
        details={"member": name},
    )
