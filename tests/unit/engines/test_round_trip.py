"""Every export, read again by the engine's own reader, asks for the same."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from tests.unit.engines.exported import ENGINES, PROVENANCE, attested, export, policy, refused, signed
from tests.unit.refusals import code_of

from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.policy.document import Policy, load_policy
from sigstep.policy.exporting import anchored
from sigstep.policy.importing import key_bytes
from sigstep.policy.matcher import Matcher
from sigstep.policy.writing import write_policy
from sigstep.ports.real import real_world

CONDITIONS = (
    "{path: predicate.a, equals: x}, {path: [predicate, 'a.b', '0'], not-equals: 1}, {path: predicate.c, in: [a, 2]}, "
    "{path: predicate.d, not-in: ['q\"', true]}, {path: predicate.e, matches: 'v[0-9]+|w'}, {path: predicate.f, at-most: 7}, "
    "{path: predicate.g, at-least: 1.5}, {path: predicate.h, exists: true}, {path: predicate.i, exists: false}"
)
POLICIES = {
    "exact": signed(),
    "legacy": signed(more=", formats: [legacy]"),
    "bundle": signed(more=", formats: [bundle]"),
    "regular expression": signed("any-of: [tags]"),
    "glob": signed("any-of: [branch]"),
    "any": signed("any-of: [release, audit]"),
    "all": signed("all-of: [release, audit]"),
    "key": signed("any-of: [ops]"),
    "key in the log": signed("any-of: [logged]"),
    "private": signed("any-of: [private]", more=", formats: [bundle]"),
    "patterns": "- {name: app, images: [nginx, acme/app, ghcr.io/acme/*, 'ghcr.io/**', 'localhost:5000/x'], "
    "signature: {any-of: [release]}}",
    "warn": signed(more=", mode: warn"),
    "deny": "- {name: app, images: [ghcr.io/acme/app], deny: {reason: bad}}",
    "allow": "- {name: app, images: [ghcr.io/acme/app], allow: {reason: allowed by the policy, until: 2030-01-01}}",
    "attestation": attested(),
    "conditions": attested(CONDITIONS),
    "every": attested(CONDITIONS, more=", each: every"),
    "age": attested("{path: predicate.at, max-age: 7d}"),
    "both": f"- {{name: app, images: [ghcr.io/acme/app], formats: [bundle], signature: {{any-of: [release]}}, attestations: "
    f"[{{type: '{PROVENANCE}', all-of: [release, audit]}}, {{type: 'https://x.example/v1', any-of: [audit]}}]}}",
    "extension": signed("any-of: [trigger]", more=", formats: [legacy]"),
    "new extension": signed("any-of: [hosted]"),
    "exclude": signed(more=", exclude: ['ghcr.io/acme/app-*']"),
    "everything": signed(image="**"),
    "two rules": signed(image="ghcr.io/a/*") + "\n- {name: other, images: [ghcr.io/b], deny: {reason: bad}}",
}


def matcher(one: Matcher | None) -> str:
    """A matcher, whatever form it is written in."""
    if one is None:
        return ""
    return one.text if one.kind == "exact" else anchored(one).removeprefix("^(?:").removesuffix(")$")


def asked(made: Policy, engine: str) -> Any:
    """What a policy asks for, without the names that people give."""
    signers = {}
    for name, one in made.signers.items():
        identity = one.identity
        who: Any = key_bytes(one.key) if one.key.startswith("-----") else one.key
        if identity is not None:
            extensions = tuple((name, each.text) for name, each in identity.extensions)
            root = "" if engine == "gatekeeper" else one.root  # there the provider decides
            root = "instance" if engine == "kyverno" and one.root == "github" else root  # it goes by its keys
            who = (matcher(identity.issuer), matcher(identity.subject), extensions, root)
        signers[name] = (who, one.log)

    def quorum(one: Any) -> Any:
        return (one.count, frozenset(map(str, (signers[name] for name in one.names)))) if one else None

    rules = [
        (
            sorted(rule.images),
            sorted(rule.exclude),
            quorum(rule.signature),
            [
                (
                    each.type,
                    quorum(each.quorum),
                    each.every,
                    [(c.path, c.operator, str(operand(c.value))) for c in each.where],
                )
                for each in rule.attestations
            ],
            bool(rule.allow),
            rule.deny and ("denied" if engine == "connaisseur" else rule.deny),
            str(rule.until),
            rule.enforce,
            rule.formats if rule.signature or rule.attestations else (),
        )
        for rule in made.rules
    ]
    return "" if any("**" in rule.images for rule in made.rules) else made.no_match, sorted(rules, key=str)


def operand(value: Any) -> Any:
    """A condition's value, whatever form it is written in."""
    if isinstance(value, Matcher):
        return value.expression
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def inline(made: Policy) -> Policy:
    """With keys as their bytes, as an import has them."""
    from dataclasses import replace
    from types import MappingProxyType

    from tests.unit.engines.exported import PEM

    return replace(
        made, signers=MappingProxyType({n: replace(s, key=PEM) if s.key else s for n, s in made.signers.items()})
    )


# what an engine takes more narrowly or widely than the policy says; the loss is told (see test_exports)
NARROWER: dict[tuple[str, str], Any] = {
    ("cluster_image_policy", "key"): {"formats": ("legacy",)},
    ("cluster_image_policy", "key in the log"): {"formats": ("legacy",)},
    **{("connaisseur", name): {"formats": ("legacy",)} for name in POLICIES},
    **{("kyverno", name): {"formats": ("bundle", "legacy")} for name in ("attestation", "conditions", "legacy")},
    **{("gatekeeper", name): {"formats": ("bundle",)} for name in POLICIES},
}


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("engine", ENGINES)
def test_round_trip(engine: str, name: str) -> None:
    """What can be exported comes back as it was."""
    from dataclasses import replace

    roots = {one.name: one for one in load_trust(TrustRequest(instances=("github",), offline=True), real_world()).roots}
    made = inline(policy(POLICIES[name]))
    found = export(engine, made, roots)
    if refused(found):
        return
    reader = importlib.import_module(f"sigstep.engines.{engine}.engine").ENGINE
    back, losses = reader.project(reader.read([one.data for one in found.files if not one.beside]))
    assert back is not None, losses
    if narrower := NARROWER.get((engine, name)):
        made = replace(made, rules=tuple(replace(rule, **narrower) for rule in made.rules))
    assert asked(back, engine) == asked(made, engine)


def test_written_policies_are_read_back() -> None:
    """The file that `convert` and `from-image` write."""
    for rules in POLICIES.values():
        made = policy(
            rules,
            "defaults: {no-match: warn, require-digest: true}\n"
            "targets: {policy-controller: {namespaces: [shop]}}\n"
            "recalls: [{commit: abcd, reason: x, date: 2026-01-01}, {identity: {issuer: i, subject: {glob: s}}, from: 2026-01-01, "
            "reason: x, date: 2026-01-01}]",
        )
        again = load_policy(write_policy(made))
        assert (again.signers, again.rules, again.recalls) == (made.signers, made.rules, made.recalls)
        assert (again.trust, again.targets, again.no_match, again.require_digest) == (
            made.trust,
            made.targets,
            made.no_match,
            made.require_digest,
        )


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ("signature: {any-of: [release]}", "recall-list: {file: recalls.yml, signed-by: [release], max-age: 7d}"),
        ("attestations: [{type: 'https://a.example/t', any-of: [release], exactly-one: true}]", ""),
    ],
)
def test_what_is_not_written_again(rule: str, more: str) -> None:
    """A file without its recall list, or without a demand on what is attested, would take more than its author did."""
    made = policy(f"- {{name: app, images: [ghcr.io/acme/app], {rule}}}", more)
    assert code_of(lambda: write_policy(made)) == "policy-unwritable"
