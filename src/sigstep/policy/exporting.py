"""What every export to an admission engine needs: losses, demands in one shape, regular expressions, YAML."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sigstep.policy.document import Attested, Policy, PolicyRule, Quorum, Signer, signers_of
from sigstep.policy.engine import Loss
from sigstep.policy.matcher import Matcher
from sigstep.policy.signer import COSIGN_SIGN
from sigstep.wire.rekor_body import encode_pem

PUBLIC: Final = "public-good"
_PLAIN: Final = frozenset({"type", "quorum", "every", "where"})


class Losses:
    """Losses as they are found, in order, each once."""

    def __init__(self) -> None:
        self._found: dict[Loss, None] = {}

    def warn(self, place: str, what: str) -> None:
        """The engine says it in another way, or more has to be done."""
        self._found[Loss(place=place, what=what)] = None

    def refuse(self, place: str, what: str) -> None:
        """The engine cannot say it: nothing is written."""
        self._found[Loss(place=place, what=what, refused=True)] = None

    @property
    def all(self) -> tuple[Loss, ...]:
        """All of them."""
        return tuple(self._found)

    @property
    def refused(self) -> bool:
        """Whether nothing may be written."""
        return any(one.refused for one in self._found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One thing a rule asks for: a signature (``type`` empty) or an attestation, by a quorum."""

    type: str
    quorum: Quorum
    attested: Attested | None = None

    @property
    def predicate_type(self) -> str:
        """The predicate type in a bundle: cosign's own for a signature."""
        return self.type or COSIGN_SIGN


def demands(rule: PolicyRule) -> tuple[Demand, ...]:
    """All that a rule asks for; every one has to hold."""
    signed = (Demand(type="", quorum=rule.signature),) if rule.signature else ()
    return (*signed, *(Demand(type=one.type, quorum=one.quorum, attested=one) for one in rule.attestations))


def place(rule: PolicyRule) -> str:
    """How losses name a rule."""
    return f"rules.{rule.name}"


def image_rules(policy: Policy, losses: Losses) -> tuple[PolicyRule, ...]:
    """The rules about images; what no engine can be told is lost."""
    found = []
    for rule in policy.rules:
        if rule.blobs:
            losses.warn(place(rule), "files are not admitted by clusters: only its images are exported")
        released = [name for name in signers_of(rule) if policy.signers[name].release]
        if released:
            losses.refuse(place(rule), f"{released[0]} is GitHub's word about a release, which no engine reads")
        elif rule.images:
            found.append(rule)
        for one in rule.attestations:
            more = [
                each.name
                for each in dataclasses.fields(one)
                if each.name not in _PLAIN and getattr(one, each.name) != each.default
            ]
            if more:
                losses.refuse(f"{place(rule)}.attestations", f"{', '.join(more)} can be asked for by sigstep alone")
    if not found and not losses.refused:
        losses.refuse("rules", "no rule is about images")
    if policy.witnesses is not None:
        losses.refuse("witnesses", "no engine asks who has seen a log")
    if policy.recall_list is not None:
        losses.warn("recall-list", "an engine does not read it: export again when it changes")
    return tuple(found)


def distinct(quorum: Quorum, signers: Mapping[str, Signer]) -> bool:
    """Whether no two signers of a quorum can be one: each is a key, or exactly one identity."""
    seen = set()
    for name in quorum.names:
        signer = signers[name]
        if signer.identity is None:
            seen.add(("key", signer.key))
            continue
        issuer, subject = signer.identity.issuer, signer.identity.subject
        if issuer is None or subject is None or issuer.kind != "exact" or subject.kind != "exact":
            return False
        seen.add((issuer.text, subject.text))
    return len(seen) == len(quorum.names)


def anchored(matcher: Matcher) -> str:
    """A matcher as an RE2 expression that is anchored at both ends."""
    return f"^(?:{matcher.expression})$"


def unanchored(text: str) -> Matcher | None:
    """The matcher of an expression that `anchored` made; None where it is not anchored at both ends."""
    found = re.fullmatch(r"\^\(\?:(.*)\)\$|\^\\Q(.*)\\E\$", text, re.DOTALL)
    if found is None or (found[1] is not None and not _closed(found[1])):
        return None
    return Matcher(found[1], "regex") if found[1] is not None else Matcher(found[2])


def identity_members(signer: Signer, where: str, losses: Losses) -> dict[str, str]:
    """Issuer and subject as policy-controller, Kyverno and others name them: exact, or a regular expression."""
    assert signer.identity is not None
    found: dict[str, str] = {}
    for name, matcher in (("issuer", signer.identity.issuer), ("subject", signer.identity.subject)):
        if matcher is None:
            losses.warn(where, f"{name} is not asked for: any is taken, which the extensions have to narrow")
            found[f"{name}RegExp"] = ".+"
        elif matcher.kind == "exact":
            found[name] = matcher.text
        else:
            found[f"{name}RegExp"] = anchored(matcher)
    return found


_AFTER: Final = r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?(?:@sha256:[0-9a-f]{64})?"


def written_image(pattern: str) -> str:
    """A pattern of repositories as an anchored RE2 expression over references as people write them.

    Tag and digest may follow; names on Docker Hub match in each of their spellings.
    """
    hub = "docker.io/"
    if not pattern.startswith(hub):
        return f"^(?:{Matcher(pattern, 'glob').expression}){_AFTER}$"
    path = pattern.removeprefix(hub)
    official = path.removeprefix("library/")
    short = "(?:library/)?" if official != path else ""
    return f"^(?:(?:index\\.|registry-1\\.)?docker\\.io/)?{short}(?:{Matcher(official, 'glob').expression}){_AFTER}$"


def hub_is_unclear(pattern: str) -> bool:
    """Whether a pattern on Docker Hub, written without its host, could also mean images of other hosts."""
    head = pattern.removeprefix("docker.io/").partition("/")[0]
    return pattern.startswith("docker.io/") and any(one in head for one in "*.:")


def pattern_of(expression: str) -> str | None:
    """The pattern of repositories from which `written_image` made an expression; None where it made none."""
    found = _WRITTEN.fullmatch(expression)
    if found is None:
        return None
    path = _unglobbed(found["path"])
    pattern = path if found["hub"] is None else f"docker.io/{'library/' if found['short'] else ''}{path}"
    return pattern if written_image(pattern) == expression else None


def _unglobbed(expression: str) -> str:
    return re.sub(r"\\(.)", r"\1", expression.replace("(?s:.*)", "**").replace("[^/]*", "*"))


_WRITTEN: Final = re.compile(
    r"\^(?P<hub>\(\?:\(\?:index\\\.\|registry-1\\\.\)\?docker\\\.io/\)\?)?(?P<short>\(\?:library/\)\?)?"
    r"\(\?:(?P<path>.*)\)" + re.escape(_AFTER) + r"\$",
    re.DOTALL,
)


def end_of_day(day: date, where: str, losses: Losses) -> str:
    """The end of a day for Rego, whose times are nanoseconds in 64 bits."""
    if day.year > 2261:
        losses.refuse(where, f"{day} is later than Rego's time reaches: 2261")
    return f"{day}T23:59:59Z"


def dns_name(*parts: str) -> str:
    """A name that Kubernetes takes (RFC 1123 label), of at most 63 characters."""
    text = re.sub(r"[^a-z0-9]+", "-", "-".join(part for part in parts if part).lower()).strip("-")
    return text[:63].strip("-") or "sigstep"


def pem(der: bytes, label: str = "PUBLIC KEY") -> str:
    """A public key, or what ``label`` names, as PEM (RFC 7468)."""
    return encode_pem(der, label)


def manifest(objects: Sequence[Mapping[str, Any]]) -> bytes:
    """Objects as a YAML stream; texts of several lines as they are."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - pyyaml's signature
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    written: str = yaml.dump_all(objects, Dumper=Dumper, sort_keys=False, width=4096, allow_unicode=False)
    return written.encode()


def _closed(text: str) -> bool:
    """Whether no group of ``text`` is closed before it is opened, so that the group around it is one group."""
    depth, escaped = 0, False
    for character in re.sub(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", "", text):
        if escaped or character == "\\":
            escaped = not escaped
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0 and not escaped
