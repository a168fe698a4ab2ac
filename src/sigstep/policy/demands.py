"""What a rule demands of attestations beyond their type and signers, as the policy file writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from datetime import timedelta
from typing import Any, Final, cast

from sigstep.errors import UsageError
from sigstep.model.digest import Digest
from sigstep.model.scan import Severity
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.bill import BillOfMaterials
from sigstep.policy.conditions import age_of
from sigstep.policy.contents import ContentRule
from sigstep.policy.matcher import Matcher
from sigstep.policy.provenance import ProvenanceFrom
from sigstep.policy.reading import Section, malformed, matcher_of
from sigstep.policy.results import NoVulnerabilityAbove, TestsPassed
from sigstep.policy.summaries import SummaryFrom
from sigstep.predicates import registry
from sigstep.predicates.cyclonedx import CycloneDx
from sigstep.predicates.spdx import Spdx
from sigstep.wire.strict_yaml import plain

LANGUAGES: Final = ("cel", "rego")
_SEVERITIES: Final = tuple(one.name.lower() for one in Severity if one is not Severity.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A condition in one of `LANGUAGES`: a CEL expression, or a Rego module with ``data.sigstep.allow``."""

    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """Demands over all attestations of the type that the named signers made.

    Attributes:
        exactly_one: there is one and no other.
        this_run: the run that asks has made it, by the certificate.
        max_age: older ones do not count, by a verified time.
        rules: what each of those that count has to say.
        clauses: conditions that one of them (or every one) has to satisfy.
    """

    exactly_one: bool = False
    this_run: bool = False
    max_age: timedelta | None = None
    rules: tuple[ContentRule, ...] = ()
    clauses: tuple[Clause, ...] = ()


NOTHING_MORE: Final = Demands()


Evaluator = Callable[[Clause, Verified], Finding | None]
"""None where the clause is exactly true for the statement, otherwise why not; raises `Undecided` where there is no
evaluator of its language. The core does no I/O, so that flows hand it in (`sigstep.flows.clauses`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a judgement depends on beside policy and proofs.

    Attributes:
        run: the URI of the run that asks.
        evaluate: who evaluates clauses.
        whole: whether every place that was asked for proofs told all it has; otherwise another may be hidden.
        related: digests of what the subject is a part of, and of its parts: recalling them recalls it.
    """

    run: str = ""
    evaluate: Evaluator | None = None
    whole: bool = True
    related: tuple[Digest, ...] = ()


UNKNOWN: Final = Circumstances()


def read_demands(section: Section) -> Demands:
    """The demands among the members of an attestation's section.

    Raises:
        FormatError: ``policy-malformed``.
        UsageError: ``matcher-*``.
    """
    rules = tuple(read(inner) for name, read in MEMBERS.items() if (inner := section.section(name)) is not None)
    return Demands(
        exactly_one=section.flag("exactly-one"),
        this_run=section.flag("this-run"),
        max_age=_age(section),
        rules=rules,
        clauses=tuple(Clause(language=name, text=section.text(name)) for name in LANGUAGES if name in section.members),
    )


def uris_of(section: Section) -> tuple[str, ...]:
    """The type URIs that ``type`` names: a URI alone, or every one of a kind (``provenance``, ``sbom``, ``release`` …).

    Raises:
        FormatError: ``policy-malformed``.
    """
    name = section.text("type")
    if ":" in name:
        return (name,)
    if name == "sbom":
        return (*Spdx.uris, *CycloneDx.uris)
    try:
        return next((kind.uris for kind in registry.kinds() if kind.name == name), None) or (registry.type_uri(name),)
    except UsageError as error:
        raise malformed(f"{section.place}.type is neither a kind nor a URI", section.line, error.fix) from None


def _provenance(section: Section) -> ContentRule:
    section.only(
        *("builder", "source", "source-id", "ref", "branch", "tag", "versioned-tag", "commit", "inputs", "hosted"),
        *("level", "build-type"),
    )
    inputs = section.section("inputs")
    return ProvenanceFrom(
        builder=_matcher(section, "builder"),
        source=section.text("source", ""),
        source_id=section.text("source-id", ""),
        ref=section.text("ref", ""),
        branch=section.text("branch", ""),
        tag=section.text("tag", ""),
        versioned_tag=section.text("versioned-tag", ""),
        commit=section.text("commit", ""),
        inputs={name: plain(node) for name, node in inputs.members.items()} if inputs else {},
        hosted=section.flag("hosted"),
        level=_level(section),
        build_type=section.text("build-type", ""),
    )


def _sbom(section: Section) -> ContentRule:
    section.only("of-subject", "components", "without-components", "without-licences", "only-licences")
    return BillOfMaterials(
        of_subject=section.flag("of-subject"),
        with_components=section.texts("components"),
        without_components=section.texts("without-components"),
        without_licences=section.texts("without-licences"),
        only_licences=section.texts("only-licences"),
    )


def _vulnerabilities(section: Section) -> ContentRule:
    section.only("at-most", "except")
    severity = section.text("at-most", among=_SEVERITIES)
    return NoVulnerabilityAbove(severity=Severity[severity.upper()], accepted=section.texts("except"))


def _tests(section: Section) -> ContentRule:
    section.only("result", "warnings")
    section.text("result", "passed", ("passed",))
    return TestsPassed(warnings=section.flag("warnings"))


def _summary(section: Section) -> ContentRule:
    section.only("verifier", "resource", "levels", "policy")
    return SummaryFrom(
        verifier=section.text("verifier"),
        resource=section.text("resource", ""),
        levels=section.texts("levels"),
        policy=_sha256(section),
    )


MEMBERS: Final[dict[str, Callable[[Section], ContentRule]]] = {
    "provenance": _provenance,
    "sbom": _sbom,
    "vulnerabilities": _vulnerabilities,
    "tests": _tests,
    "summary": _summary,
}
ALL: Final = ("exactly-one", "this-run", "max-age", *MEMBERS, *LANGUAGES)


def _matcher(section: Section, name: str) -> Matcher | None:
    return matcher_of(section, name) if name in section.members else None


def _sha256(section: Section) -> str:
    if "policy" not in section.members:
        return ""
    text = section.text("policy").removeprefix("sha256:")
    return Digest.parse(f"sha256:{text}").hex


def _age(section: Section) -> timedelta | None:
    node = section.members.get("max-age")
    return age_of(section.text("max-age"), f"{section.place}.max-age", node.line) if node is not None else None


def _level(section: Section) -> int:
    node = section.members.get("level")
    if node is None:
        return 0
    if type(node.value) is not int or not 1 <= node.value <= 3:
        raise malformed(f"{section.place}.level is no SLSA Build level", node.line, "write 1, 2 or 3")
    return node.value


def in_words(demands: Demands) -> tuple[str, ...]:
    """The demands as people say them, one a line."""
    names = {ProvenanceFrom: "provenance", BillOfMaterials: "sbom", SummaryFrom: "summary", TestsPassed: "tests passed"}
    lines = ["exactly one, and no other"] if demands.exactly_one else []
    lines += ["made by the run that asks"] if demands.this_run else []
    lines += [f"signed within {_length(demands.max_age)}"] if demands.max_age is not None else []
    for rule in demands.rules:
        if isinstance(rule, NoVulnerabilityAbove):
            lines.append(f"no vulnerability above {rule.severity.name.lower()}")
            lines += [f"but {', '.join(rule.accepted)}"] if rule.accepted else []
            continue
        given = [
            (one.name, getattr(rule, one.name))
            for one in fields(cast("Any", rule))
            if getattr(rule, one.name) != _empty(one)
        ]
        told = [
            name.replace("_", "-") if value is True else f"{name.replace('_', '-')} {_plain(value)}"
            for name, value in given
        ]
        lines.append(" ".join((names[type(rule)], ", ".join(told))).rstrip())
    return (*lines, *(f"{one.language}: {one.text.strip().splitlines()[-1]}" for one in demands.clauses))


def _empty(one: Field[Any]) -> Any:
    return one.default if one.default is not MISSING else {}


def _length(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    unit, size = next((one for one in (("d", 86400), ("h", 3600), ("m", 60)) if seconds % one[1] == 0), ("s", 1))
    return f"{seconds // size}{unit}"


def _plain(value: Any) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)
