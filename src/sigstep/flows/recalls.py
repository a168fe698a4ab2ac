"""Read the recall list that a policy names, and prove who issued it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sigstep.errors import PolicyRefusal, Refusal
from sigstep.flows.policies import OpenedPolicy, read_named
from sigstep.model import limits
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustMaterial
from sigstep.policy.judging import signer_rules
from sigstep.policy.recalls import load_recall_list
from sigstep.policy.rule import AnyOf
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
        _prove(path, data, source.signed_by, opened, trust, now)
    read = load_recall_list(data)
    if read.issued > now + timedelta(seconds=limits.FUTURE_SKEW_SECONDS):
        raise PolicyRefusal(
            code="recalls-future",
            what=f"the recall list {path} was issued in the future",
            why=f"it says {read.issued:%Y-%m-%dT%H:%M:%SZ}",
            fix="issue it again: sigstep policy recall sign",
        )
    policy = replace(
        opened.policy, recalls=(*opened.policy.recalls, *read.recalls), recalls_until=read.issued + source.max_age
    )
    return replace(opened, policy=policy)


def _prove(
    path: Path, data: bytes, names: tuple[str, ...], opened: OpenedPolicy, trust: TrustMaterial, now: datetime
) -> None:
    """That one of the signers signed these bytes."""
    rules = signer_rules(opened.policy, opened.key_ids)
    rule, prepared = AnyOf(tuple(rules[name] for name in names)), prepare(trust)
    why = "no bundle is beside it"
    for found in find_beside(path):
        try:
            for signed in parse_signed(found.data):
                digests = tuple(Digest.of(data, one) for one in Algorithm)
                subject = Subject(name=path.name, digests=digests, location=str(path))
                one = examine_bundle(found.source, signed.bundle, subject, prepared, rule, now=now)
                if one.finding is None:
                    return
                why = f"{one.finding.what}: {one.finding.why}"
        except Refusal as error:
            why = f"{error.what}: {error.why}"
    raise PolicyRefusal(
        code="recalls-unsigned",
        what=f"the recall list {path} is not signed by {' or '.join(names)[:200]}",
        why=why,
        fix="sign it: sigstep policy recall sign",
    )
