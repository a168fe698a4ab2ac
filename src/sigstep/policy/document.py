"""The policy file, ``sigstep/policy/v1``, read strictly; a file that cannot be read admits nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

import rfc8785

from sigstep.model.digest import Digest
from sigstep.policy.conditions import Condition, read_condition
from sigstep.policy.demands import ALL as ALL_DEMANDS
from sigstep.policy.demands import NOTHING_MORE, Demands, read_demands, uris_of
from sigstep.policy.dependency_rules import DependencyPolicy
from sigstep.policy.dependency_section import read_dependencies
from sigstep.policy.image_patterns import repository_pattern
from sigstep.policy.matcher import Matcher
from sigstep.policy.provenance import ProvenanceFrom
from sigstep.policy.reading import Section, malformed, matcher_of, section_of, text_of
from sigstep.policy.recalls import Recall, RecallSource, read_recalls, read_source
from sigstep.policy.release import ReleasedBy, released_by
from sigstep.policy.signer import SignedBy
from sigstep.wire import strict_yaml
from sigstep.wire.note import parse_witness_key
from sigstep.wire.strict_yaml import Node

SCHEMA: Final = "sigstep/policy/v1"
ROOTS: Final = MappingProxyType({"public": "public-good", "github": "github", "staging": "staging"})
FORMATS: Final = ("bundle", "legacy")
_OTHER: Final = ("targets", "dependencies")
TARGETS: Final = MappingProxyType(
    {
        # engine: its export options, each with the values it takes; none: any text
        "policy-controller": MappingProxyType({"api": ("v1beta1", "v1alpha1"), "namespaces": ()}),
        "gatekeeper": MappingProxyType({"provider": ()}),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Somebody who may sign: a certificate's identity, GitHub itself about a release, or a public key.

    The key is PEM, or the path of a file with one.

    ``root`` is the name of the instance the signer has to come from; empty for any that is trusted by the caller, which
    excludes those of the file's own ``trust`` section.
    ``log`` is ``required``, ``tsa``, or empty for what the instance's profile asks.
    """

    name: str
    identity: SignedBy | None = None
    release: ReleasedBy | None = None
    key: str = ""
    root: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSource:
    """An instance of the file's own: a trusted root file, or a TUF repository with its first root.json."""

    name: str
    trusted_root: str = ""
    mirror: str = ""
    root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessDemand:
    """At least ``count`` of these witnesses cosigned the tree of each log entry (C2SP tlog-cosignature).

    ``keys`` are their verifier keys as written (`sigstep.wire.note.parse_witness_key`).
    """

    keys: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """At least ``count`` distinct signers of ``names``."""

    names: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """An attestation of that type by a quorum, whose statements satisfy all conditions: some of them, or every one.

    ``also`` are further type URIs of the same kind, where the file names a kind (``sbom``) instead of a URI.
    """

    type: str
    quorum: Quorum
    every: bool
    where: tuple[Condition, ...]
    also: tuple[str, ...] = ()
    demands: Demands = NOTHING_MORE


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """What the artifacts it names have to have. ``allow`` and ``deny`` are reasons; ``until`` ends an allow.

    ``formats`` are those of `FORMATS` in which what is attached to an image counts.
    """

    name: str
    images: tuple[str, ...]
    exclude: tuple[str, ...]
    blobs: tuple[str, ...]
    signature: Quorum | None
    attestations: tuple[Attested, ...]
    allow: str
    deny: str
    until: date | None
    enforce: bool
    formats: tuple[str, ...] = FORMATS


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The whole file. ``digest`` is over its bytes, ``canonical`` over its RFC 8785 form (comments do not count).

    Attributes:
        no_match: what becomes of an artifact that no rule names: ``deny``, ``warn`` or ``allow``.
        require_digest: whether an image has to be named with its digest.
        trust: instances of the file's own, by name.
        witnesses: who has to have seen the logs of signatures by identities; None where nobody has.
        recalls: of the file; those of its list are added when that is read.
        recall_list: where more recalls are; None where there is no list.
        recalls_until: until when (aware) the list that was read decides; None before it is read.
        targets: export options by engine; they never change a verdict.
        dependencies: the section of the dependency check.
    """

    name: str = ""
    no_match: str = "deny"
    require_digest: bool = False
    trust: Mapping[str, TrustSource] = field(default_factory=lambda: MappingProxyType({}))
    witnesses: WitnessDemand | None = None
    signers: Mapping[str, Signer]
    rules: tuple[PolicyRule, ...]
    recalls: tuple[Recall, ...]
    recall_list: RecallSource | None = None
    recalls_until: datetime | None = None
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    dependencies: DependencyPolicy
    digest: Digest
    canonical: Digest


def builders_of(policy: Policy) -> tuple[ProvenanceFrom, ...]:
    """What the policy asks of provenance where it names the builder."""
    rules = (rule for one in policy.rules for each in one.attestations for rule in each.demands.rules)
    return tuple(rule for rule in rules if isinstance(rule, ProvenanceFrom) and rule.names_builder)


def signers_of(rule: PolicyRule) -> tuple[str, ...]:
    """Names of all signers that a rule speaks of."""
    quorums = [one.quorum for one in rule.attestations] + ([rule.signature] if rule.signature else [])
    return tuple(name for quorum in quorums for name in quorum.names)


def is_own(data: bytes) -> bool:
    """Whether a file says that it is a policy of this project, and not one of an admission engine.

    Raises:
        FormatError: of the YAML (see `strict_yaml.documents`).
    """
    found = strict_yaml.documents(data, name="policy file")
    value = found[0].value if len(found) == 1 else None
    return isinstance(value, Mapping) and "schema" in value and value["schema"].value == SCHEMA


def load_policy(data: bytes) -> Policy:
    """Read a policy file.

    Args:
        data: the file, YAML, at most `limits.POLICY_BYTES`.

    Raises:
        FormatError: ``policy-malformed``, ``witness-key``, or of the YAML (see `strict_yaml.documents`).
        UsageError: a pattern or an identity is unusable (``matcher-*``, ``extension-unknown``,
            ``repository-malformed``).
    """
    found = strict_yaml.documents(data, name="policy file")
    if len(found) != 1:
        raise malformed(f"the policy file has {len(found)} documents", 1, "write exactly one")
    top = section_of(found[0], "policy")
    top.only("schema", "name", "defaults", "trust", "signers", "rules", "recalls", "recall-list", "witnesses", *_OTHER)
    top.text("schema", among=(SCHEMA,))
    defaults = (top.section("defaults") or Section({}, "defaults", top.line)).only("mode", "no-match", "require-digest")
    mode = defaults.text("mode", "enforce", ("enforce", "warn"))
    trust = {name: _trust(name, section_of(node, f"trust.{name}")) for name, node in _named(top, "trust")}
    signers = {name: _signer(name, section_of(node, name), trust) for name, node in _named(top, "signers")}
    rules = tuple(_rule(section_of(node, "rule"), frozenset(signers), mode) for node in top.items("rules"))
    if len({rule.name for rule in rules}) != len(rules):
        raise malformed("two rules have one name", top.members["rules"].line, "give each rule its own name")
    recall_list = top.section("recall-list")
    plain = strict_yaml.plain(found[0])
    return Policy(
        name=top.text("name", ""),
        no_match=defaults.text("no-match", "deny", ("deny", "warn", "allow")),
        require_digest=defaults.flag("require-digest"),
        trust=MappingProxyType(trust),
        witnesses=_witnesses(top),
        signers=MappingProxyType(signers),
        rules=rules,
        recalls=read_recalls(top),
        recall_list=read_source(recall_list, frozenset(signers)) if recall_list else None,
        targets=_targets(top),
        dependencies=read_dependencies(top.section("dependencies")),
        digest=Digest.of(data),
        canonical=Digest.of(_canonical(plain)),
    )


def _canonical(plain: Any) -> bytes:
    try:
        return rfc8785.dumps(plain)
    except rfc8785.CanonicalizationError as error:
        raise malformed("a value of the policy file has no canonical form", 1, str(error)[:200]) from None


def _witnesses(top: Section) -> WitnessDemand | None:
    section = top.section("witnesses")
    if section is None:
        return None
    keys = section.only("at-least", "of").texts("of")
    if not keys:
        raise malformed("witnesses has no keys", section.line, "write of: and a list of verifier keys, name+id+key")
    if len({parse_witness_key(one) for one in keys}) != len(keys):
        raise malformed("a witness is named twice", section.line, "write each key once")
    return WitnessDemand(keys=keys, count=_count(section, len(keys)))


def _count(section: Section, at_most: int) -> int:
    node = section.members.get("at-least")
    if node is None or type(node.value) is not int or not 1 <= node.value <= at_most:
        line = section.line if node is None else node.line
        raise malformed(f"{section.place}.at-least is out of range", line, f"write 1 to {at_most}")
    return node.value


def _named(top: Section, name: str) -> tuple[tuple[str, Node], ...]:
    section = top.section(name)
    return tuple(section.members.items()) if section else ()


def _trust(name: str, section: Section) -> TrustSource:
    section.only("trusted-root", "tuf")
    if name in (*ROOTS, *ROOTS.values()):
        raise malformed(f"{name} is built in", section.line, "give the instance another name")
    tuf = section.section("tuf")
    if (tuf is None) != ("trusted-root" in section.members):
        raise malformed(f"{section.place} has not exactly one form", section.line, "write trusted-root or tuf")
    if tuf is None:
        return TrustSource(name=name, trusted_root=section.text("trusted-root"))
    tuf.only("mirror", "root")
    return TrustSource(name=name, mirror=tuf.text("mirror"), root=tuf.text("root"))


def _signer(name: str, section: Section, trust: Mapping[str, TrustSource]) -> Signer:
    section.only("issuer", "subject", "extensions", "trust", "log", "key", "release-of")
    known = {**ROOTS, **{one: one for one in trust}}
    root = known[section.text("trust", among=tuple(known))] if "trust" in section.members else ""
    log = section.text("log", "", ("required", "tsa"))
    if "key" in section.members:
        section.only("key", "log")
        return Signer(name=name, key=section.text("key"), log=log)
    if "release-of" in section.members:
        section.only("release-of", "trust")
        return Signer(name=name, release=released_by(section.text("release-of")), root=root)
    extensions = section.section("extensions")
    pairs = extensions.members.items() if extensions else ()
    if "subject" not in section.members and not pairs:
        fix = "add subject: an issuer alone would take everybody who has an account there"
        raise malformed(f"the signer {name[:80]} names nobody", section.line, fix)
    identity = SignedBy(
        issuer=matcher_of(section, "issuer"),
        subject=matcher_of(section, "subject") if "subject" in section.members else None,
        extensions=tuple((key, Matcher(text_of(node, key))) for key, node in pairs),
    )
    return Signer(name=name, identity=identity, root=root, log=log)


def _targets(top: Section) -> Mapping[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for engine, node in _named(top, "targets"):
        if engine not in TARGETS:
            raise malformed(f"targets has no engine {engine[:80]!r}", node.line, f"it has {', '.join(TARGETS)}")
        section = section_of(node, f"targets.{engine}").only(*TARGETS[engine])
        found[engine] = MappingProxyType(
            {
                name: section.texts(name) if name == "namespaces" else section.text(name, None, TARGETS[engine][name])
                for name in section.members
            }
        )
    return MappingProxyType(found)


def _rule(section: Section, signers: frozenset[str], mode: str) -> PolicyRule:
    section.only("name", "images", "exclude", "blobs", "formats", "signature", "attestations", "allow", "deny", "mode")
    name = section.text("name")
    section = Section(section.members, f"rule {name[:80]}", section.line)
    blobs, formats = section.texts("blobs"), section.texts("formats") or FORMATS
    images, exclude = (tuple(map(repository_pattern, section.texts(one))) for one in ("images", "exclude"))
    for pattern in (*images, *blobs, *exclude):
        Matcher(pattern, "glob")
    if len(set(formats)) != len(formats) or not set(formats) <= set(FORMATS):
        raise malformed(
            f"{section.place} names unknown formats", section.line, f"write {' or '.join(FORMATS)}, or both"
        )
    if not images and not blobs:
        raise malformed(f"{section.place} names neither images nor blobs", section.line, "say what it is about")
    signed, allow, deny = section.section("signature"), section.section("allow"), section.section("deny")
    attested = tuple(
        _attested(section_of(node, f"{section.place}.attestations"), signers) for node in section.items("attestations")
    )
    if (allow is not None) + (deny is not None) + (signed is not None or bool(attested)) != 1:
        fix = "write signature and attestations, or allow, or deny"
        raise malformed(f"{section.place} asks for nothing, or for things that exclude one another", section.line, fix)
    until = allow.only("reason", "until").day("until") if allow else None
    if allow and until is None:
        raise malformed(f"{section.place}.allow has no end", allow.line, "write until: and a date")
    return PolicyRule(
        name=name,
        images=images,
        exclude=exclude,
        blobs=blobs,
        signature=_quorum(signed.only("any-of", "all-of", "at-least", "of"), signers) if signed else None,
        attestations=attested,
        allow=allow.text("reason") if allow else "",
        deny=deny.only("reason").text("reason") if deny else "",
        until=until,
        enforce=section.text("mode", mode, ("enforce", "warn")) == "enforce",
        formats=formats,
    )


def _attested(section: Section, signers: frozenset[str]) -> Attested:
    section.only("type", "any-of", "all-of", "at-least", "of", "each", "where", *ALL_DEMANDS)
    uri, *also = uris_of(section)
    return Attested(
        type=uri,
        also=tuple(also),
        demands=read_demands(section),
        quorum=_quorum(section, signers),
        every=section.text("each", "some", ("some", "every")) == "every",
        where=tuple(read_condition(section_of(node, f"{section.place}.where")) for node in section.items("where")),
    )


def _quorum(section: Section, signers: frozenset[str]) -> Quorum:
    given = [one for one in ("any-of", "all-of", "of") if one in section.members]
    if len(given) != 1 or ("of" in given) != ("at-least" in section.members):
        raise malformed(f"{section.place} has no quorum", section.line, "write any-of, all-of, or at-least with of")
    names = section.texts(given[0])
    unknown = [name for name in names if name not in signers]
    if unknown or len(set(names)) != len(names):
        what = f"no signer {unknown[0][:80]!r} is defined" if unknown else "a signer is named twice"
        raise malformed(what, section.line, "name signers of the signers section, each once")
    count = {"any-of": 1, "all-of": len(names)}.get(given[0], 0)
    return Quorum(names=names, count=count or _count(section, len(names)))
