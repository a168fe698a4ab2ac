"""Say in words what a policy file asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigstep.errors import UsageError
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.oci.reference import looks_like_image, parse_reference
from sigstep.policy.demands import in_words
from sigstep.policy.document import FORMATS, Policy, PolicyRule, Quorum, Signer
from sigstep.policy.judging import rules_for_file, rules_for_image

_NO_MATCH = {"deny": "is refused", "warn": "is accepted with a warning", "allow": "is accepted"}


def explain(policy: Policy, targets: Sequence[str]) -> tuple[str, ...]:
    """What the policy asks for: of each target, or by all its rules where no target is named.

    Args:
        targets: files, and images as they are deployed.
    """
    lines: list[str] = []
    if not targets:
        for rule in policy.rules:
            lines += _rule(rule, policy)
        lines += _rest(policy)
        return tuple(lines)
    for target in targets:
        rules = _rules_of(policy, target)
        lines.append(f"{target}: {len(rules)} of {len(policy.rules)} rules name it")
        for rule in rules:
            lines += [f"  {line}" for line in _rule(rule, policy)]
        if not rules:
            lines.append(f"  what no rule names {_NO_MATCH[policy.no_match]}")
    return tuple(lines)


def _rules_of(policy: Policy, target: str) -> tuple[PolicyRule, ...]:
    try:
        if looks_like_image(target):
            return rules_for_image(policy, parse_reference(target).name)
    except UsageError:
        return ()
    name = target.replace("\\", "/").rpartition("/")[2]
    return rules_for_file(policy, Subject(name=name, digests=(Digest.of(b""),), location=target))


def _rule(rule: PolicyRule, policy: Policy) -> Iterator[str]:
    about = [*(f"images {one}" for one in rule.images), *(f"files {one}" for one in rule.blobs)]
    apart = f", but not {', '.join(rule.exclude)}" if rule.exclude else ""
    yield f"rule {rule.name}: {', '.join(about)}{apart}{'' if rule.enforce else ' (only warns)'}"
    if rule.deny:
        yield f"  is denied: {rule.deny}"
    if rule.allow:
        yield f"  is accepted without proof until {rule.until}: {rule.allow}"
    if rule.formats != FORMATS:
        yield f"  counts only what is kept as {rule.formats[0]}"
    if rule.signature is not None:
        yield f"  needs a signature by {_quorum(rule.signature)}"
    for one in rule.attestations:
        form = " (or another form of it)" if one.also else ""
        how = "every one of theirs" if one.every else "one of theirs"
        yield (
            f"  needs an attestation {one.type}{form} by {_quorum(one.quorum)}; {how} satisfies:"
            if one.where
            else (f"  needs an attestation {one.type}{form} by {_quorum(one.quorum)}")
        )
        yield from (f"    {each}" for each in one.where)
        yield from (f"    {each}" for each in in_words(one.demands))
    names = [rule.signature] if rule.signature else []
    names += [one.quorum for one in rule.attestations]
    for name in dict.fromkeys(each for quorum in names for each in quorum.names):
        yield f"  {name} is {_signer(policy.signers[name])}"


def _quorum(quorum: Quorum) -> str:
    if len(quorum.names) == 1:
        return quorum.names[0]
    if quorum.count == len(quorum.names):
        return f"all of {', '.join(quorum.names)}"
    return f"at least {quorum.count} of {', '.join(quorum.names)}"


def _signer(signer: Signer) -> str:
    log = {"required": ", in a log", "tsa": ", with a time stamp", "": ""}[signer.log]
    if signer.release is not None:
        return f"GitHub's word about {signer.release.tag or 'a release'} of {signer.release.slug}"
    if signer.identity is None:
        return f"the key {'of the file' if signer.key.startswith('-----') else signer.key}{log}"
    parts = [str(signer.identity.subject or "anybody"), f"vouched for by {signer.identity.issuer}"]
    parts += [f"{name} {value}" for name, value in signer.identity.extensions]
    where = signer.root or "any trusted instance"
    return f"{', '.join(parts)}, of {where}{log}"


def _rest(policy: Policy) -> Iterator[str]:
    yield f"what no rule names {_NO_MATCH[policy.no_match]}"
    if policy.require_digest:
        yield "an image that is named by a tag is refused"
    if policy.witnesses is not None:
        names = ", ".join(one.partition("+")[0] for one in policy.witnesses.keys)
        yield f"the logs of signatures by identities have been seen by at least {policy.witnesses.count} of {names}"
    for one in policy.recalls:
        yield f"recalled on {one.day}: {one.kind} {one.value}: {one.reason}"
    if policy.recall_list is not None:
        yield f"recalls in {policy.recall_list.file} count too; without it nothing is decided"
