"""The ``dependencies`` section of the policy file: profile, levels, publishers, acceptances, allowed registries."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from types import MappingProxyType

from sigstep.model.dependency import Level, PinnedPublisher
from sigstep.policy.dependency_rules import LEVELS, Acceptance, DependencyPolicy, Profile
from sigstep.policy.matcher import Matcher
from sigstep.policy.reading import Section, malformed, section_of, text_of

_PINNED = ("issuer", "subject", "repository", "repository-id", "workflow", "environment")


def read_dependencies(section: Section | None) -> DependencyPolicy:
    """The section; an absent one is the profile ``recommended``.

    Raises:
        FormatError: ``policy-malformed``.
        UsageError: a pattern is unusable (``matcher-*``).
    """
    if section is None:
        return DependencyPolicy()
    section.only("profile", "rules", "publishers", "require", "accept", "registries")
    levels = section.section("rules")
    rules = {name: _level(name, text_of(node, name)) for name, node in (levels.members if levels else {}).items()}
    unknown = [name for name in rules if name not in LEVELS]
    if unknown:
        raise malformed(f"no rule is called {unknown[0][:80]!r}", section.line, f"rules are {', '.join(LEVELS)}")
    return DependencyPolicy(
        profile=Profile(section.text("profile", Profile.RECOMMENDED.value, tuple(one.value for one in Profile))),
        levels=MappingProxyType(rules),
        publishers=tuple(_publisher(section_of(one, "publisher")) for one in section.items("publishers")),
        require=tuple(_glob(one) for one in section.texts("require")),
        acceptances=tuple(_acceptance(section_of(one, "acceptance")) for one in section.items("accept")),
        sources=frozenset(one.rstrip("/") for one in section.texts("registries")),
    )


def _level(name: str, text: str) -> Level:
    try:
        return Level(text)
    except ValueError:
        raise malformed(f"the level of {name[:80]!r} is {text[:80]!r}", 1, "write fail, warn or note") from None


def _publisher(section: Section) -> PinnedPublisher:
    section.only("package", *_PINNED)
    if not any(name in section.members for name in _PINNED):
        raise malformed("a publisher says nothing about who it is", section.line, f"add {' or '.join(_PINNED)}")
    return PinnedPublisher(
        package=_glob(section.text("package")),
        issuer=section.text("issuer", ""),
        subject=section.text("subject", ""),
        repository=section.text("repository", ""),
        repository_id=section.text("repository-id", ""),
        workflow=section.text("workflow", ""),
        environment=section.text("environment", ""),
    )


def _acceptance(section: Section) -> Acceptance:
    section.only("package", "rule", "to", "repository-id", "reason", "expires")
    package, day = section.text("package"), section.day("expires")
    rule = section.text("rule", among=tuple(LEVELS))
    version, identity = section.text("to", ""), section.text("repository-id", "")
    if ":" not in package or "*" in package:
        raise malformed("an acceptance is not for one package", section.line, "write package: ecosystem:name")
    if not version and not identity:
        raise malformed("an acceptance is for every version", section.line, "add to: VERSION or repository-id: ID")
    if day is None:
        raise malformed("an acceptance has no end", section.line, "add expires: and a date")
    return Acceptance(
        package=package,
        rule=rule,
        to=version,
        repository_id=identity,
        reason=section.text("reason"),
        expires=datetime.combine(day, time(), timezone.utc) + timedelta(days=1),
    )


def _glob(text: str) -> str:
    Matcher(text, "glob")
    return text
