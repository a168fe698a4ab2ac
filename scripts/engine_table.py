"""The table of what each admission engine can be told, made by exporting one small policy for each line."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sigstep.engines import ENGINES
from sigstep.flows.engine_policies import engine_of
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.policy.document import load_policy
from sigstep.policy.engine import Loss, Wanted
from sigstep.ports.real import real_world

ISSUER = "https://token.actions.githubusercontent.com"
BASE = "https://github.com/acme"
FLOW = f"{BASE}/app/.github/workflows/release.yml@refs/heads/main"
HEAD = f"""
schema: sigstep/policy/v1
signers:
  exact: {{issuer: "{ISSUER}", subject: "{FLOW}", trust: public}}
  audit: {{issuer: "{ISSUER}", subject: "{BASE}/audit/.github/workflows/a.yml@refs/heads/main", trust: public}}
  third: {{issuer: "{ISSUER}", subject: "{BASE}/third/.github/workflows/a.yml@refs/heads/main", trust: public}}
  regex: {{issuer: "{ISSUER}", subject: {{regex: "https://github.com/acme/app/.+"}}, trust: public}}
  anywhere: {{issuer: "{ISSUER}", subject: "{FLOW}"}}
  github: {{issuer: "{ISSUER}", subject: "{FLOW}", trust: github}}
  hosted: {{issuer: "{ISSUER}", subject: "{FLOW}", trust: public, extensions: {{runner-environment: github-hosted}}}}
  pushed: {{issuer: "{ISSUER}", subject: "{FLOW}", trust: public, extensions: {{github-workflow-trigger: push}}}}
  stamped: {{issuer: "{ISSUER}", subject: "{FLOW}", trust: public, log: tsa}}
  key: {{key: ./ops.pub}}
  logged: {{key: ./ops.pub, log: required}}
rules:
"""
IMAGE = f"ghcr.io/acme/app@sha256:{'a' * 64}"
PROVENANCE = "https://slsa.dev/provenance/v1"


def _signed(by: str, more: str = "", images: str = "ghcr.io/acme/app") -> str:
    return f"- {{name: app, images: ['{images}'], signature: {{{by}}}{more}}}"


def _attested(more: str = "", formats: str = "[bundle]") -> str:
    kind = f"{{type: '{PROVENANCE}', any-of: [exact]{more}}}"
    return f"- {{name: app, images: ['ghcr.io/acme/app'], formats: {formats}, attestations: [{kind}]}}"


BUNDLE, LEGACY = ", formats: [bundle]", ", formats: [legacy]"
RULE = "images: ['ghcr.io/acme/app']"
ROWS = {
    "signature by one identity, old form and bundle": _signed("any-of: [exact]"),
    "signature by one identity, bundle (cosign 3, sigstep)": _signed("any-of: [exact]", BUNDLE),
    "signature by one identity, old form (cosign 2)": _signed("any-of: [exact]", LEGACY),
    "identity by a regular expression": _signed("any-of: [regex]", BUNDLE),
    "identity of any trusted instance": _signed("any-of: [anywhere]", BUNDLE),
    "identity of GitHub's instance (private repositories)": _signed("any-of: [github]", BUNDLE),
    "time stamp instead of a log entry": _signed("any-of: [stamped]", BUNDLE),
    "certificate extension `runner-environment`": _signed("any-of: [hosted]", BUNDLE),
    "certificate extension `github-workflow-trigger`, old form": _signed("any-of: [pushed]", LEGACY),
    "public key, old form": _signed("any-of: [key]", LEGACY),
    "public key, bundle": _signed("any-of: [key]", BUNDLE),
    "public key, in the log, old form": _signed("any-of: [logged]", LEGACY),
    "any of several signers": _signed("any-of: [exact, audit]", BUNDLE),
    "all of several signers": _signed("all-of: [exact, audit]", BUNDLE),
    "at least two of three signers": _signed("at-least: 2, of: [exact, audit, third]", BUNDLE),
    "all of several signers, old form": _signed("all-of: [exact, audit]", LEGACY),
    "attestation of a type": _attested(),
    "attestation with a condition": _attested(", where: [{path: predicate.a, equals: b}]"),
    "attestation, every one has to satisfy": _attested(", each: every, where: [{path: predicate.a, equals: b}]"),
    "attestation not older than": _attested(", where: [{path: predicate.at, max-age: 7d}]"),
    "attestation, what sigstep reads in it (`sbom`, `tests`, `max-age`, …)": _attested(", max-age: 7d"),
    "repositories one level below (`*`)": _signed("any-of: [exact]", "", "ghcr.io/acme/*"),
    "repositories at any depth (`**`)": _signed("any-of: [exact]", "", "ghcr.io/acme/**"),
    "exclude": _signed("any-of: [exact]", ", exclude: [ghcr.io/acme/app-x]", "ghcr.io/acme/*"),
    "mode: warn": _signed("any-of: [exact]", ", mode: warn"),
    "deny": f"- {{name: app, {RULE}, deny: {{reason: bad}}}}",
    "allow until a day": f"- {{name: app, {RULE}, allow: {{reason: old, until: 2030-01-01}}}}",
    "no rule names it: warn": _signed("any-of: [exact]") + "\ndefaults: {no-match: warn}",
    "require-digest": _signed("any-of: [exact]") + "\ndefaults: {require-digest: true}",
    "recall by digest": _signed("any-of: [exact]")
    + f"\nrecalls: [{{digest: 'sha256:{'a' * 64}', reason: x, date: 2026-01-01}}]",
    "recall by commit": _signed("any-of: [exact]") + "\nrecalls: [{commit: c0ffee, reason: x, date: 2026-01-01}]",
}


def table() -> str:
    """The table, with a note for each thing that is not said as it is."""
    world = real_world()
    roots = {one.name: one for one in load_trust(TrustRequest(instances=("github",), offline=True), world).roots}
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, form)

    def losses(engine: str, rules: str) -> tuple[Loss, ...]:
        policy = load_policy((HEAD + rules + "\n").encode())
        return (
            engine_of(engine)
            .export(Wanted(policy=policy, keys={"key": spki, "logged": spki}, roots=roots, image=IMAGE))
            .losses
        )

    told = {
        engine: [{one.what for one in losses(engine, row) if not one.refused} for row in ROWS.values()]
        for engine in ENGINES
    }
    always = {engine: set.intersection(*sets) for engine, sets in told.items()}
    notes: dict[str, int] = {}
    lines = [f"| a policy says | {' | '.join(ENGINES)} |", "|---|" + "---|" * len(ENGINES)]
    for name, rules in ROWS.items():
        cells = []
        for engine in ENGINES:
            found = losses(engine, rules)
            refused = [one for one in found if one.refused]
            told = dict.fromkeys(one.what for one in (refused or found) if one.what not in always[engine])
            numbers = [str(notes.setdefault(what, len(notes) + 1)) for what in told]
            partly = any(word in what for what in told for word in ("not exported", "instead of refusing"))
            word = "no" if refused else "in part" if partly else "yes"
            cells.append(f"{word} [{', '.join(numbers)}]" if numbers else word)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "Notes:", ""]
    lines += [f"{number}. {what}" for what, number in notes.items()]
    for engine in (one for one in ENGINES if always[one]):
        lines += ["", f"With every export for {engine}:", ""]
        lines += [f"- {what}" for what in sorted(always[engine])]
    return "\n".join(lines) + "\n"
