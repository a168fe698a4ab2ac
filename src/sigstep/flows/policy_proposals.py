"""Propose a policy from what is attached to an image: exactly the signer that was observed, never anybody."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sigstep.errors import PolicyRefusal
from sigstep.flows.evidence import collect
from sigstep.flows.images import meant, open_source
from sigstep.model.digest import Digest
from sigstep.model.trust import TrustMaterial
from sigstep.model.verified import Verified
from sigstep.oci.client import Client, Settings
from sigstep.oci.reference import Reference
from sigstep.oci.saved import SavedImage
from sigstep.policy.document import FORMATS, Policy
from sigstep.policy.engine import Attachment, Storage
from sigstep.policy.importing import AskedFor, Draft
from sigstep.policy.matcher import Matcher
from sigstep.policy.signer import COSIGN_SIGN
from sigstep.ports.world import World
from sigstep.proofs.prepared import prepare

_LEGACY = (Storage.LEGACY_SIGNATURE, Storage.LEGACY_ATTESTATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalRequest:
    """What to look at.

    Attributes:
        image: the reference that is deployed; the rule goes by its repository.
        place: where it is read from, if that is not its registry.
        trust: whose signatures count.
        subject: of several signers the one that is meant; empty where there is only one.
        any_ref: propose any branch and tag of the signer's workflow instead of the observed one.
    """

    image: Reference
    trust: TrustMaterial
    place: SavedImage | None = None
    subject: str = ""
    any_ref: bool = False
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A policy that admits the image ``digest``, and what was observed, in lines for people."""

    policy: Policy
    digest: Digest
    observed: tuple[str, ...]


def propose(request: ProposalRequest, world: World) -> Proposal:
    """A policy for the repository of an image, from one signer's verified signatures and attestations.

    Raises:
        PolicyRefusal: ``proposal-unsigned``: nothing verifies; ``proposal-ambiguous``: several signers, none named.
        SigstepError: the image cannot be read.
    """
    source = open_source(request.place or request.image, Client(world, request.settings))
    ((digest, _),) = meant(source)
    found = collect(source, digest, prepare(request.trust), world.clock.now())
    proved = [one for one in found.attachments if one.verified is not None and one.verified.identity is not None]
    signers = sorted({_who(one) for one in proved})
    chosen = [one for one in signers if not request.subject or one[1] == request.subject]
    if not chosen:
        raise PolicyRefusal(
            code="proposal-unsigned",
            what=f"nothing that {request.subject or 'a certificate of a trusted instance'} signed is attached",
            why="; ".join(f"{one.code}: {one.what}" for one in found.findings)[:500] or "nothing verifies",
            fix="sign the image first, or name the instance with --trusted-root",
        )
    if len(chosen) > 1:
        raise PolicyRefusal(
            code="proposal-ambiguous",
            what="several signers attached something to the image",
            why="; ".join(subject for _, subject, _ in chosen)[:1000],
            fix="say who is yours: --identity SUBJECT",
        )
    mine = [one for one in proved if _who(one) == chosen[0]]
    return Proposal(
        policy=_policy(request, mine, chosen[0]),
        digest=digest,
        observed=tuple(_line(one) for one in found.attachments),
    )


def _who(one: Attachment) -> tuple[str, str, str]:
    assert one.verified is not None
    assert one.verified.identity is not None
    return one.verified.identity.issuer or "", one.verified.identity.subject, one.verified.root


def _policy(request: ProposalRequest, mine: list[Attachment], who: tuple[str, str, str]) -> Policy:
    issuer, subject, root = who
    draft = Draft()
    name = draft.signer(
        _name(subject),
        issuer=Matcher(issuer),
        subject=_any_ref(subject) if request.any_ref else Matcher(subject),
        root=root if root in ("public-good", "github", "staging") else "",
    )
    proofs = [one.verified for one in mine if one.verified is not None]
    kinds = sorted({one.statement.predicate_type for one in proofs if one.statement} - {COSIGN_SIGN})
    asked = [AskedFor(type=kind, names=(name,)) for kind in kinds]
    if any(_is_signature(one) for one in proofs):
        asked.insert(0, AskedFor(type="", names=(name,)))
    kept = {"legacy" if one.storage in _LEGACY else "bundle" for one in mine}
    draft.rule(
        request.image.repository.rpartition("/")[2],
        [request.image.name],
        asked,
        formats=tuple(one for one in FORMATS if one in kept),
    )
    policy, _ = draft.policy()
    assert policy is not None  # one signer, one rule
    return policy


def _is_signature(one: Verified) -> bool:
    return one.statement is None or one.statement.predicate_type == COSIGN_SIGN


def _name(subject: str) -> str:
    workflow = re.search(r"/([A-Za-z0-9_-]+)\.ya?ml@", subject)
    return workflow[1].lower() if workflow else "signer"


def _any_ref(subject: str) -> Matcher:
    """The same workflow on any branch or tag, anchored; another subject stays as it is."""
    base, at, ref = subject.partition("@refs/")
    if not at or not ref.startswith(("heads/", "tags/")):
        return Matcher(subject)
    return Matcher(f"{re.escape(base)}@refs/(?:heads|tags)/.+", "regex")


def _line(one: Attachment) -> str:
    if one.verified is None:
        return f"{one.storage.value}: not verified ({one.finding.what if one.finding else ''})"
    verified = one.verified
    kind = verified.statement.predicate_type if verified.statement else "signature"
    log = ", ".join(entry.log_url for entry in verified.entries) or "no log entry"
    who = verified.identity.subject if verified.identity else f"key {verified.key_id}"
    return f"{one.storage.value}: {kind} by {who} ({verified.root}; {log})"
