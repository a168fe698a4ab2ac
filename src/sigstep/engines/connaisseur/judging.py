"""What Connaisseur would say: the most specific rule decides, and its validator looks for cosign 2's signatures.

Source: connaisseur ``internal/config``, ``internal/policy/match.go`` and ``internal/validator/cosignvalidator``, at the
version of the documentation page.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sigstep.engines.connaisseur.rules import Configuration, PatternRule, Signer, Validator
from sigstep.model.trust import Thresholds, TrustedRoot
from sigstep.model.verified import Verified
from sigstep.model.workload import CONTAINERS, Workload, WorkloadImage
from sigstep.policy.engine import ImageEvidence, Ruling, Storage, Surroundings, Unjudged
from sigstep.policy.image_patterns import Dialect, matched_text, matches, parse_image
from sigstep.policy.judging import Decision
from sigstep.policy.rulings import check_algorithm, is_by, kept_as, missing_evidence, unknown
from sigstep.trust.pem_roots import root_for_keys, root_of_pems

_ALGORITHM: Final = "sha256"  # whatever the key is
_KINDS: Final = frozenset(
    {"Pod", "Deployment", "ReplicationController", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "CronJob"}
)


class _Denied(Exception):
    """The engine refuses the image."""


def judge(
    rules: Configuration, workload: Workload, images: Mapping[str, ImageEvidence], surroundings: Surroundings
) -> tuple[Ruling, ...]:
    """See `sigstep.policy.engine.Engine.judge`."""
    return tuple(_ruling(rules, workload, image, images.get(image.image), surroundings) for image in workload.images)


def _ruling(
    rules: Configuration,
    workload: Workload,
    image: WorkloadImage,
    evidence: ImageEvidence | None,
    surroundings: Surroundings,
) -> Ruling:
    blind = _not_seen(rules, workload, image)
    if blind:
        return Ruling(decision=Decision.WARN, policy="", rule="", pointer=image.pointer, reason=blind, seen=False)
    pattern = ""
    decision, reason = Decision.ADMIT, ""
    try:
        rule = best_rule(rules, image.image)
        pattern = "" if rule is None else rule.pattern
        reason = _of_rule(rules, rule, evidence, surroundings)
    except _Denied as error:
        gap = missing_evidence(evidence, image.image)
        if gap is not None and not isinstance(error.__cause__, LookupError):
            return unknown(gap, pointer=image.pointer, rule=pattern)
        decision, reason = (Decision.WARN if rules.detection_only else Decision.DENY), str(error)
    except Unjudged as error:
        return unknown(error, pointer=image.pointer, rule=pattern)
    return Ruling(decision=decision, policy="", rule=pattern, pointer=image.pointer, reason=reason)


def _not_seen(rules: Configuration, workload: Workload, image: WorkloadImage) -> str:
    if workload.kind not in _KINDS or (rules.pods_only and workload.kind != "Pod"):
        return f"the webhook is not asked about a {workload.kind}; its pods are judged when they are made"
    if image.place not in CONTAINERS:
        return "image volumes are not looked at"
    if image.place == CONTAINERS[2] and workload.kind != "Pod":
        return "ephemeral containers are looked at in Pods only"
    return ""


def best_rule(rules: Configuration, written: str) -> PatternRule | None:
    """The most specific rule that matches: more parts, then longer common beginnings, then longer parts, then later.

    Raises:
        Unjudged: a pattern has more parts than the image, on which the engine fails.
    """
    image = parse_image(written)
    text = matched_text(Dialect.CONNAISSEUR, image)
    best: tuple[tuple[int, list[int], list[int]], PatternRule] | None = None
    for rule in rules.rules:
        if matches(Dialect.CONNAISSEUR, rule.pattern, image):
            parts, names = rule.pattern.split("/"), text.split("/")
            if len(parts) > len(names):
                raise Unjudged("engine-version", f"the pattern {rule.pattern} has more parts than {text}")
            common = [len(os.path.commonpath(pair)) for pair in zip(parts, names, strict=False)]
            rank = (len(parts), common, [len(part) for part in parts])
            if best is None or rank >= best[0]:
                best = (rank, rule)
    return None if best is None else best[1]


def _of_rule(
    rules: Configuration, rule: PatternRule | None, evidence: ImageEvidence | None, surroundings: Surroundings
) -> str:
    """What there is to say about an admitted image.

    Raises:
        _Denied: it is refused; the cause is a LookupError where that does not depend on the image.
        Unjudged: that cannot be known here.
    """
    if rule is None:
        raise _Denied("no matching rule") from LookupError()
    name = rule.validator or "default"
    validator = next((one for one in rules.validators if one.name == name), None)
    if validator is None:
        raise _Denied(f'validator "{name}" not found') from LookupError()
    if validator.kind == "static":
        if not validator.approve:
            raise _Denied("static deny") from LookupError()
        return "static allow"
    if validator.kind != "cosign":
        raise Unjudged("notary", f"the validator {name} is of type {validator.kind}")
    signers = _signers(rule, validator)
    if evidence is None:
        raise _Denied("the image is not known")
    _verify(rule, validator, signers, evidence, surroundings)
    return "" if rule.mutate else "only validated: the tag stays as written (mode insecureValidateOnly)"


def _signers(rule: PatternRule, validator: Validator) -> tuple[Signer, ...]:
    """The trust roots that the rule asks for, each with its name in the configuration."""
    known = {one.name: one for one in reversed(validator.signers)}
    if rule.trust_root == "*" and (not rule.required or rule.threshold > len(rule.required)):
        names = tuple(one.name for one in validator.signers)
    elif rule.trust_root == "*":
        names = rule.required
    else:
        names = (rule.trust_root or "default",)
    for name in names:
        if name not in known:
            raise _Denied(f"unable to find trust root {name}") from LookupError()
        if known[name].unusable:
            raise _Denied(known[name].unusable) from LookupError()
    return tuple(known[name] for name in names)


def _verify(
    rule: PatternRule,
    validator: Validator,
    signers: tuple[Signer, ...],
    evidence: ImageEvidence,
    surroundings: Surroundings,
) -> None:
    counts: dict[str, int] = {}
    open_: list[Unjudged] = []
    for signer in signers:
        if signer.elsewhere:
            open_.append(Unjudged("key-elsewhere", signer.elsewhere))
            continue
        try:
            found = _signatures(rule, validator, signer, evidence, surroundings)
        except Unjudged as error:
            open_.append(error)
            continue
        if found:
            counts[signer.name] = found
    threshold = 0
    if rule.trust_root == "*":
        threshold = rule.threshold or (0 if rule.required else len(signers))
    missing = [name for name in rule.required if name not in counts]
    short = threshold > 0 and len(counts) < threshold
    if not missing and not short and counts:
        return
    if open_:
        raise open_[0]
    if not missing and counts and sum(counts.values()) >= threshold:
        raise Unjudged("engine-version", f"{sum(counts.values())} signatures of {len(counts)} trust roots")
    if missing:
        raise _Denied(f"missing required signatures from {', '.join(missing)}" + kept_as(evidence))
    if short:
        raise _Denied(f"validation threshold not reached ({len(counts)}/{threshold})" + kept_as(evidence))
    raise _Denied("no signed digests" + kept_as(evidence))


def _signatures(
    rule: PatternRule, validator: Validator, signer: Signer, evidence: ImageEvidence, surroundings: Surroundings
) -> int:
    keyed = signer.key is not None
    if signer.key is not None:
        check_algorithm(signer.key, _ALGORITHM)
    thresholds = Thresholds(entries=int(rule.log), times=int(rule.log and not keyed), scts=int(rule.scts and not keyed))
    roots = tuple(_root(one, validator) for one in _bases(validator, keyed, surroundings))
    found = 0
    for attachment in evidence.attachments:
        if attachment.storage is not Storage.LEGACY_SIGNATURE:
            continue
        proof = surroundings.prover.prove(
            attachment, key=signer.key, roots=roots, thresholds=thresholds, log=rule.log, stamps=False
        )
        found += isinstance(proof, Verified) and (
            keyed
            or is_by(
                proof,
                issuer=signer.issuer,
                issuer_regexp=signer.issuer_regexp,
                subject=signer.subject,
                subject_regexp=signer.subject_regexp,
            )
        )
    return found


def _bases(validator: Validator, keyed: bool, surroundings: Surroundings) -> tuple[TrustedRoot, ...]:
    if keyed:
        return (root_for_keys(surroundings.public),)
    own = validator.fulcio_certificate and validator.ct_log_key and validator.rekor_key
    return (root_of_pems(validator.name),) if own else surroundings.public


def _root(base: TrustedRoot, validator: Validator) -> TrustedRoot:
    """The instance with the parts that the validator has of its own."""
    own = root_of_pems(
        validator.name,
        authorities=(validator.fulcio_certificate,) if validator.fulcio_certificate else (),
        logs=(("", validator.rekor_key),) if validator.rekor_key else (),
        ct_logs=(validator.ct_log_key,) if validator.ct_log_key else (),
    )
    return replace(
        base,
        certificate_authorities=own.certificate_authorities or base.certificate_authorities,
        logs=own.logs or base.logs,
        ct_logs=own.ct_logs or base.ct_logs,
    )
