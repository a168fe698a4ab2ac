"""The policy file, ``sigstep/policy/v1``, read strictly; a file that cannot be read admits nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final

import rfc8785

from sigstep.model.digest import Digest
from sigstep.policy.conditions import Condition, read_condition
from sigstep.policy.dependency_rules import DependencyPolicy
from sigstep.policy.dependency_section import read_dependencies
from sigstep.policy.matcher import Matcher
from sigstep.policy.reading import Section, malformed, section_of, text_of
from sigstep.policy.signer import SignedBy
from sigstep.wire import strict_yaml

SCHEMA: Final = "sigstep/policy/v1"
ROOTS: Final = MappingProxyType({"public": "public-good", "github": "github", "staging": "staging"})
RECALLED: Final = ("digest", "commit", "run", "repository-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Somebody who may sign: a certificate's identity, or a public key (PEM, or the path of a file with one).

    ``root`` is the name of the instance the signer has to come from; empty for any that is trusted.
    ``log`` is ``required``, ``tsa``, or empty for what the instance's profile asks.
    """

    name: str
    identity: SignedBy | None = None
    key: str = ""
    root: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """At least ``count`` distinct signers of ``names``."""

    names: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """An attestation of that type by a quorum, whose statements satisfy all conditions: some of them, or every one."""

    type: str
    quorum: Quorum
    every: bool
    where: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """What the artifacts it names have to have. ``allow`` and ``deny`` are reasons; ``until`` ends an allow."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What is bad, whoever signed it: ``kind`` is one of `RECALLED`."""

    kind: str
    value: str
    reason: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The whole file. ``digest`` is over its bytes, ``canonical`` over its RFC 8785 form (comments do not count).

    ``dependencies`` is the section of the dependency check.
    """

    signers: Mapping[str, Signer]
    rules: tuple[PolicyRule, ...]
    recalls: tuple[Recall, ...]
    dependencies: DependencyPolicy
    digest: Digest
    canonical: Digest


def load_policy(data: bytes) -> Policy:
    """Read a policy file.

    Args:
        data: the file, YAML, at most `limits.POLICY_BYTES`.

    Raises:
        FormatError: ``policy-malformed``, or of the YAML (see `strict_yaml.documents`).
        UsageError: a pattern or an identity is unusable (``matcher-*``, ``identity-missing``, ``extension-unknown``).
    """
    found = strict_yaml.documents(data, name="policy file")
    if len(found) != 1:
        raise malformed(f"the policy file has {len(found)} documents", 1, "write exactly one")
    top = section_of(found[0], "policy")
    top.only("schema", "defaults", "signers", "rules", "recalls", "dependencies")
    top.text("schema", among=(SCHEMA,))
    defaults = top.section("defaults")
    mode = defaults.only("mode").text("mode", "enforce", ("enforce", "warn")) if defaults else "enforce"
    named = top.section("signers")
    signers = {name: _signer(name, section_of(node, name)) for name, node in (named.members if named else {}).items()}
    rules = tuple(_rule(section_of(node, "rule"), frozenset(signers), mode) for node in top.items("rules"))
    if len({rule.name for rule in rules}) != len(rules):
        raise malformed("two rules have one name", top.members["rules"].line, "give each rule its own name")
    plain = strict_yaml.plain(found[0])
    return Policy(
        signers=MappingProxyType(signers),
        rules=rules,
        recalls=tuple(_recall(section_of(node, "recall")) for node in top.items("recalls")),
        dependencies=read_dependencies(top.section("dependencies")),
        digest=Digest.of(data),
        canonical=Digest.of(_canonical(plain)),
    )


def _canonical(plain: Any) -> bytes:
    try:
        return rfc8785.dumps(plain)
    except rfc8785.CanonicalizationError as error:
        raise malformed("a value of the policy file has no canonical form", 1, str(error)[:200]) from None


def _signer(name: str, section: Section) -> Signer:
    section.only("issuer", "subject", "extensions", "trust", "log", "key")
    trust = ROOTS[section.text("trust", among=tuple(ROOTS))] if "trust" in section.members else ""
    log = section.text("log", "", ("required", "tsa"))
    if "key" in section.members:
        section.only("key", "log")
        return Signer(name=name, key=section.text("key"), log=log)
    extensions = section.section("extensions")
    pairs = extensions.members.items() if extensions else ()
    identity = SignedBy(
        issuer=_matcher(section, "issuer"),
        subject=_matcher(section, "subject") if "subject" in section.members else None,
        extensions=tuple((key, Matcher(text_of(node, key))) for key, node in pairs),
    )
    return Signer(name=name, identity=identity, root=trust, log=log)


def _matcher(section: Section, name: str) -> Matcher:
    node = section.members.get(name)
    if node is not None and isinstance(node.value, Mapping):
        inner = section_of(node, f"{section.place}.{name}").only("glob", "regex")
        if len(inner.members) != 1:
            raise malformed(f"{inner.place} has not exactly one form", inner.line, "write glob or regex")
        if "regex" in inner.members:
            return Matcher(inner.text("regex"), "regex")
        return Matcher(inner.text("glob"), "glob")
    return Matcher(section.text(name))


def _rule(section: Section, signers: frozenset[str], mode: str) -> PolicyRule:
    section.only("name", "images", "exclude", "blobs", "signature", "attestations", "allow", "deny", "mode")
    name = section.text("name")
    section = Section(section.members, f"rule {name[:80]}", section.line)
    images, blobs, exclude = section.texts("images"), section.texts("blobs"), section.texts("exclude")
    for pattern in (*images, *blobs, *exclude):
        Matcher(pattern, "glob")
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
    )


def _attested(section: Section, signers: frozenset[str]) -> Attested:
    section.only("type", "any-of", "all-of", "at-least", "of", "each", "where")
    uri = section.text("type")
    if ":" not in uri:
        raise malformed(f"{section.place}.type is not a URI", section.line, "write the whole predicate type")
    return Attested(
        type=uri,
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
    if not count:
        node = section.members["at-least"]
        if type(node.value) is not int or not 1 <= node.value <= len(names):
            raise malformed(f"{section.place}.at-least is out of range", node.line, f"write 1 to {len(names)}")
        count = node.value
    return Quorum(names=names, count=count)


def _recall(section: Section) -> Recall:
    section.only("reason", "date", *RECALLED)
    given = [kind for kind in RECALLED if kind in section.members]
    day = section.day("date")
    if len(given) != 1 or day is None:
        raise malformed("a recall has no date, or not exactly one thing", section.line, f"name {' or '.join(RECALLED)}")
    value = section.text(given[0])
    if given[0] == "digest":
        value = str(Digest.parse(value))
    return Recall(kind=given[0], value=value, reason=section.text("reason"), day=day)
