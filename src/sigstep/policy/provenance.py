"""Rules over SLSA provenance: the certificate speaks first, the predicate has to agree with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.contents import missing, predicates
from sigstep.predicates.slsa_provenance import V02, V1, Build, read


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceFrom:
    """At least one provenance, and each of them says what the members that are given say.

    Attributes:
        builder_id: the builder, whole or without its ``@ref``.
        source: the repository as ``https://host/owner/name``.
        ref: a full git reference, ``refs/tags/v1``.
        commit: hexadecimal.
        inputs: workflow inputs that have to be there with these values.
        hosted: the runner is the platform's own, by the certificate.
        invocation: URI of the run that has to have built it.
    """

    builder_id: str = ""
    source: str = ""
    ref: str = ""
    commit: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    hosted: bool = False
    invocation: str = ""

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

    def _judge_one(self, build: Build, proof: Verified) -> Finding | None:
        repository, _, ref = build.source_uri.removeprefix("git+").partition("@")
        builders = (build.builder_id, build.builder_id.partition("@")[0])
        if self.builder_id and self.builder_id not in builders:
            return _differs("builder", build.builder_id, self.builder_id)
        for name, says, wanted in (
            ("source", repository.removesuffix(".git"), self.source),
            ("ref", ref, self.ref),
            ("commit", build.source_commit, self.commit.lower()),
            ("invocation", build.invocation_id, self.invocation),
        ):
            if wanted and says != wanted:
                return _differs(name, says, wanted)
        for name, wanted in self.inputs.items():
            if name not in build.inputs or build.inputs[name] != wanted:
                return _differs(f"input {name}", str(build.inputs.get(name)), str(wanted))
        runner = proof.identity.extensions.get("runner-environment", "") if proof.identity else ""
        if self.hosted and runner != "github-hosted":
            return _differs("runner", runner, "github-hosted")
        return None


def _agrees_with_certificate(build: Build, proof: Verified) -> Finding | None:
    """SLSA v1.0, verifying artifacts, step 1: the signer is the builder; source and commit are those of its token."""
    if proof.identity is None:
        return None
    extensions = proof.identity.extensions
    source = extensions.get("source-repository", "")
    said = build.source_uri.removeprefix("git+").partition("@")[0].removesuffix(".git")
    pairs = (
        ("builder", build.builder_id, extensions.get("build-signer-uri", "")),
        ("source", said, source),
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


def _differs(name: str, says: str, wanted: str) -> Finding:
    return Finding(
        code="provenance-mismatch",
        what=f"the provenance names another {name}",
        why=f"it says {says!r}, the policy asks for {wanted!r}",
        fix="build it as the policy asks, or change the policy",
        step="content",
        details={"member": name},
    )
