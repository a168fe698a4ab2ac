"""Verification summaries: signed after a verification, and taken instead of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sigstep import __version__
from sigstep.errors import UsageError
from sigstep.flows.attest import statement
from sigstep.flows.sign import publish
from sigstep.flows.signing_run import SigningOptions, open_run
from sigstep.model.bundle import Envelope, EnvelopeSignature
from sigstep.model.digest import Digest
from sigstep.model.statement import PAYLOAD_TYPE
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding, Outcome, Report, Verdict
from sigstep.model.verified import Verified
from sigstep.oci.client import Client, Settings
from sigstep.oci.reference import looks_like_image, parse_reference
from sigstep.policy.attested import incomplete
from sigstep.policy.contents import ContentRule, EveryContent
from sigstep.policy.levels import build_level
from sigstep.policy.provenance import ProvenanceFrom
from sigstep.ports.world import World
from sigstep.ports.writing import write_whole
from sigstep.predicates import summary
from sigstep.predicates.slsa_provenance import SlsaProvenance
from sigstep.signing.batch import sign_statement
from sigstep.signing.keys import SigningKey
from sigstep.stores import referrers
from sigstep.stores.files import FileStore
from sigstep.wire.bundle import encode_bundle
from sigstep.wire.dsse import encode_envelope, pae
from sigstep.wire.statement import encode_statement

KIND: Final = "vsa"
ENVELOPE: Final = ".vsa.intoto.jsonl"  # a bare envelope, as verifiers of summaries read it
COMMAND_LINE: Final = "urn:sigstep:command-line"


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRequest:
    """Which verification to attest, and how.

    Attributes:
        report: the verification.
        verifier_id: URI that names who verified; consumers pair it with the signer.
        resource_uri: what consumers ask for; empty: made from each subject's name.
        policy_uri: where the policy stands.
        builders: what the verification asked of provenance where it named the builder: what satisfies one of them has
            that builder's level (`sigstep.policy.levels.build_level`).
        options: how to sign; with a key alone (``key``) nothing but the envelope is made.
        key: a managed key.
        folder: where files go; beside each artifact without one.
        settings: how registries are reached.
    """

    report: Report
    verifier_id: str
    resource_uri: str = ""
    policy_uri: str = COMMAND_LINE
    builders: tuple[ContentRule, ...] = ()
    options: SigningOptions = field(default_factory=SigningOptions)
    key: SigningKey | None = None
    folder: Path | None = None
    settings: Settings = field(default_factory=Settings)


def attest_summary(request: SummaryRequest, world: World) -> tuple[str, ...]:
    """Sign a summary of each verdict that was decided; where they were written.

    Raises:
        UsageError: ``resource-ambiguous``: one resource is named for several artifacts; ``summary-of-less``: less
            evidence was asked for than is usual, which a summary cannot say; ``output-unwritable``.
        SigstepError: nothing could be signed.
    """
    decided = [one for one in request.report.verdicts if one.outcome is not Outcome.UNDECIDED]
    if request.resource_uri and len(decided) > 1:
        raise UsageError(
            code="resource-ambiguous",
            what=f"one resource is named for {len(decided)} artifacts",
            why="a summary says of one resource what was verified",
            fix="verify one artifact at a time, or leave out --resource-uri",
        )
    if any(proof.lowered for one in decided for proof in one.accepted):
        raise UsageError(
            code="summary-of-less",
            what="a verification with lowered thresholds is not summarised",
            why="whoever takes the summary could not see that less evidence was asked for",
            fix="verify without the options --min-…, or name the instance that asks for less by itself",
        )
    if not decided:
        return ()
    run = open_run(request.options, world) if request.key is None else None
    places = []
    for verdict in decided:
        payload = encode_statement(statement((verdict.subject,), summary.URI, _predicate(verdict, request, world)))
        store = FileStore(folder=request.folder, kind=KIND)
        if run is None:
            place = Path(str(store.place(verdict.subject)).removesuffix(".vsa.sigstore.json") + ENVELOPE)
            write_whole(place, _envelope(payload, request.key))
            places.append(str(place))
            continue
        bundle = sign_statement(payload, verdict.subject, run.batch, world)
        if _is_image(verdict.subject) and request.folder is None:
            client = Client(world, request.settings)
            image = parse_reference(f"{verdict.subject.name}@{verdict.subject.digests[0]}")
            places.append(referrers.publish(client, image, client.manifest(image), encode_bundle(bundle)).location)
        else:
            places.append(publish(bundle, (verdict.subject,), store, world).location)
    return tuple(places)


def demand(report: Report, rules: Sequence[ContentRule], world: World) -> Report:
    """The report after demands on what the accepted statements of each subject say; without a rule it is the same.

    The demands are about all statements: the verification has to be ``thorough``, and where a place did not tell all
    it has, nothing is decided.
    """
    if not rules:
        return report
    return replace(report, verdicts=tuple(_demanded(one, tuple(rules), world) for one in report.verdicts))


def _demanded(verdict: Verdict, rules: tuple[ContentRule, ...], world: World) -> Verdict:
    if verdict.outcome is not Outcome.ACCEPTED:
        return verdict
    finding = EveryContent(rules=rules).judge(verdict.accepted, world.clock.now())
    if finding is not None:
        return replace(verdict, outcome=Outcome.REFUSED, findings=(finding,))
    if verdict.whole:
        return verdict
    error = incomplete("what is asked of the attestations is asked of every one of them")
    return replace(verdict, outcome=Outcome.UNDECIDED, findings=(Finding.of(error, step="content"),))


def _predicate(verdict: Verdict, request: SummaryRequest, world: World) -> dict[str, object]:
    name = verdict.subject.name or str(verdict.subject.digests[0])
    made = f"oci://{name}" if _is_image(verdict.subject) else f"pkg:generic/{quote(name, safe='')}"
    proofs = verdict.accepted
    return summary.make(
        verifier_id=request.verifier_id,
        version=__version__,
        time_verified=world.clock.now(),
        resource_uri=request.resource_uri or made,
        policy_uri=request.policy_uri,
        policy_digest=request.report.policy_digest.removeprefix("sha256:"),
        inputs=tuple(dict.fromkeys(_payload_digest(one) for one in proofs if one.statement is not None)),
        passed=verdict.outcome is Outcome.ACCEPTED,
        levels=(f"SLSA_BUILD_LEVEL_{_level(proofs, request.builders, world)}",),
    )


def _payload_digest(proof: Verified) -> Digest:
    """An attestation is named by its signed payload, which is the same in every form it is kept in."""
    assert isinstance(proof.bundle.content, Envelope)
    return Digest.of(proof.bundle.content.payload)


def _level(proofs: Sequence[Verified], builders: Sequence[ContentRule], world: World) -> int:
    """The highest level of a provenance that agrees with its certificate; 0 without one."""
    now = world.clock.now()

    def satisfies(proof: Verified, rule: ContentRule) -> bool:
        return EveryContent(rules=(rule,)).judge((proof,), now) is None

    built = (one for one in proofs if one.statement and one.statement.predicate_type in SlsaProvenance.uris)
    good = (one for one in built if satisfies(one, ProvenanceFrom()))
    levels = (build_level(one, builder_named=any(satisfies(one, rule) for rule in builders)) for one in good)
    return max(levels, default=0)


def _envelope(payload: bytes, key: SigningKey | None) -> bytes:
    assert key is not None
    signature = EnvelopeSignature(signature=key.sign_message(pae(PAYLOAD_TYPE, payload)))
    envelope = Envelope(payload=payload, payload_type=PAYLOAD_TYPE, signatures=(signature,))
    return json.dumps(encode_envelope(envelope), separators=(",", ":")).encode() + b"\n"


def _is_image(subject: Subject) -> bool:
    return "@sha256:" in subject.location and looks_like_image(subject.name)
