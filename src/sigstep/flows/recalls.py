"""Read the recall list that a policy names, and prove who issued it."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sigstep.errors import PolicyRefusal, Refusal, Undecided, UsageError
from sigstep.flows.policies import OpenedPolicy, read_named
from sigstep.model import limits
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustedKey, TrustMaterial
from sigstep.policy.document import Policy
from sigstep.policy.judging import signer_rules
from sigstep.policy.recalls import Recall, load_recall_list
from sigstep.policy.rule import AllOf, AnyOf
from sigstep.policy.signer import IsSignature
from sigstep.ports.store import Found
from sigstep.proofs.keys import load_pem_key
from sigstep.proofs.prepared import prepare
from sigstep.stores.beside import find_beside
from sigstep.verification.pipeline import examine_bundle
from sigstep.wire.signed_document import parse_signed


def with_recalls(opened: OpenedPolicy, trust: TrustMaterial, now: datetime) -> OpenedPolicy:
    """The policy with what its recall list names, and until when that list decides.

    Args:
        trust: whose signatures count, the policy's own keys and instances included.
        now: aware.

    Raises:
        UsageError: ``policy-unreadable``.
        FormatError: the list is malformed.
        PolicyRefusal: ``recalls-unsigned``, ``recalls-future``.
    """
    source = opened.policy.recall_list
    if source is None or opened.policy.recalls_until is not None:
        return opened
    path = opened.folder / source.file
    data = read_named(path)
    if source.signed_by:
        _prove(str(path), data, find_beside(path), opened.policy, opened.key_ids, trust, now)
    return replace(opened, policy=_added(str(path), data, opened.policy, now))


def with_recalls_here(
    opened: OpenedPolicy, trust: Callable[[], TrustMaterial], now: datetime
) -> tuple[OpenedPolicy, str]:
    """The policy with what its recall list names, for trying it; and what there is to say where the list is not here.

    Without its list the policy decides nothing.

    Args:
        trust: loads whose signatures count; asked for where the list has to be signed.
        now: aware.

    Raises:
        SigstepError: as `with_recalls` and ``trust``; a list that is here has to be what `sigstep verify` would take.
    """
    source = opened.policy.recall_list
    if source is None:
        return opened, ""
    path = opened.folder / source.file
    if not path.exists():
        return opened, f"the recall list {path} is not here, so that everything is unknown"
    return with_recalls(opened, trust() if source.signed_by else TrustMaterial(roots=()), now), ""


def recalls_at(
    policy: Policy, policy_path: str, read: Callable[[str], bytes | None], trust: TrustMaterial, now: datetime
) -> tuple[Recall, ...]:
    """The recalls of a policy and of its list, both read from one commit; the list has to count today.

    Args:
        policy_path: of the policy file in the repository; what it names is relative to its folder.
        read: a file of the commit by its path; None where there is none.
        trust: whose signatures count.
        now: aware.

    Raises:
        UsageError: ``policy-unreadable``.
        FormatError: the list or a key is malformed.
        PolicyRefusal: ``recalls-unsigned``, ``recalls-future``.
        Undecided: ``policy-recalls-stale``.
    """
    source = policy.recall_list
    if source is None:
        return policy.recalls

    def named(name: str) -> bytes:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(policy_path), name))
        data = read(path)
        if data is None:
            raise UsageError(
                code="policy-unreadable",
                what=f"{path} is not in the commit that the policy is read from",
                why="the policy file names it",
                fix="commit it beside the policy file",
            )
        return data

    data = named(source.file)
    if source.signed_by:
        signers = {name: policy.signers[name].key for name in source.signed_by if policy.signers[name].key}
        pems = {name: key.encode() if key.startswith("-----") else named(key) for name, key in signers.items()}
        keys = {name: load_pem_key(pem).spki for name, pem in pems.items()}
        beside = Found(source=f"{source.file}.sigstore.json", data=named(f"{source.file}.sigstore.json"))
        ids = {name: hashlib.sha256(key).hexdigest() for name, key in keys.items()}
        known = replace(trust, keys=tuple(TrustedKey(key=key) for key in keys.values()), certificates_too=True)
        _prove(source.file, data, (beside,), policy, ids, known, now)
    read_policy = _added(source.file, data, policy, now)
    assert read_policy.recalls_until is not None
    if now > read_policy.recalls_until:
        raise Undecided(
            code="policy-recalls-stale",
            what="nothing is known of recalls that are recent enough",
            why=f"the recall list counted until {read_policy.recalls_until:%Y-%m-%dT%H:%M:%SZ}",
            fix="issue the list again: sigstep policy recall sign",
        )
    return read_policy.recalls


def _added(name: str, data: bytes, policy: Policy, now: datetime) -> Policy:
    """The policy with the recalls of its list, and until when they count."""
    assert policy.recall_list is not None
    found = load_recall_list(data)
    if found.issued > now + timedelta(seconds=limits.FUTURE_SKEW_SECONDS):
        raise PolicyRefusal(
            code="recalls-future",
            what=f"the recall list {name} was issued in the future",
            why=f"it says {found.issued:%Y-%m-%dT%H:%M:%SZ}",
            fix="issue it again: sigstep policy recall sign",
        )
    until = found.issued + policy.recall_list.max_age
    return replace(policy, recalls=(*policy.recalls, *found.recalls), recalls_until=until)


def _prove(
    name: str,
    data: bytes,
    beside: Sequence[Found],
    policy: Policy,
    key_ids: Mapping[str, str],
    trust: TrustMaterial,
    now: datetime,
) -> None:
    """That one of the list's signers signed these bytes; an attestation about the file is no signature."""
    assert policy.recall_list is not None
    names = policy.recall_list.signed_by
    rules, prepared = signer_rules(policy, key_ids), prepare(trust)
    rule = AllOf((IsSignature(), AnyOf(tuple(rules[one] for one in names))))
    subject = Subject(name=name, digests=tuple(Digest.of(data, one) for one in Algorithm), location=name)
    why = "no bundle is beside it"
    for found in beside:
        try:
            for signed in parse_signed(found.data):
                one = examine_bundle(found.source, signed.bundle, subject, prepared, rule, now=now)
                if one.finding is None:
                    return
                why = f"{one.finding.what}: {one.finding.why}"
        except Refusal as error:
            why = f"{error.what}: {error.why}"
    raise PolicyRefusal(
        code="recalls-unsigned",
        what=f"the recall list {name} is not signed by {' or '.join(names)[:200]}",
        why=why,
        fix="sign it: sigstep policy recall sign",
    )
