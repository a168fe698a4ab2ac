"""Policies to export, and what an engine makes of them."""

from __future__ import annotations

import importlib
from typing import Any

from sigstep.model.trust import TrustedRoot
from sigstep.policy.document import Policy, load_policy
from sigstep.policy.engine import Export, Wanted
from sigstep.wire import strict_yaml

ENGINES = ("cluster_image_policy", "kyverno", "gatekeeper", "connaisseur")
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
PROVENANCE = "https://slsa.dev/provenance/v1"
PEM = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjlM7b6C/e0YluzBmfAH7YH75+Lio
D+9bMAYocDGHsqNz6x294DMYNm0Gn4Om9ZAAU8c2M8sEGyHFXhqGwfQAtA==
-----END PUBLIC KEY-----
"""
HEAD = f"""
schema: sigstep/policy/v1
name: acme
trust: {{corp: {{trusted-root: ./corp.json}}}}
signers:
  release: {{issuer: "{ISSUER}", subject: "{WORKFLOW}", trust: public}}
  audit: {{issuer: "{ISSUER}", subject: "https://github.com/acme/audit/.github/workflows/a.yml@refs/heads/main", trust: public}}
  branch: {{issuer: "{ISSUER}", subject: {{glob: "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/*"}}, trust: public}}
  tags: {{issuer: "{ISSUER}", subject: {{regex: "https://github.com/acme/app/.+@refs/tags/v[0-9]+"}}, trust: public}}
  any: {{issuer: "{ISSUER}", subject: "{WORKFLOW}"}}
  private: {{issuer: "{ISSUER}", subject: "{WORKFLOW}", trust: github}}
  hosted: {{issuer: "{ISSUER}", subject: "{WORKFLOW}", trust: public, extensions: {{runner-environment: github-hosted}}}}
  trigger: {{issuer: "{ISSUER}", subject: "{WORKFLOW}", trust: public, extensions: {{github-workflow-trigger: push}}}}
  stamped: {{issuer: "{ISSUER}", subject: "{WORKFLOW}", trust: public, log: tsa}}
  built: {{issuer: "{ISSUER}", trust: public, extensions: {{source-repository: "https://github.com/acme/app"}}}}
  deployed: {{issuer: "{ISSUER}", subject: "{WORKFLOW}", trust: public, extensions: {{deployment-environment: prod}}}}
  own: {{issuer: "{ISSUER}", subject: "{WORKFLOW}", trust: corp}}
  hubbed: {{issuer: "{ISSUER}", subject: "{WORKFLOW}", trust: github, log: tsa}}
  ops: {{key: ./ops.pub}}
  timed: {{key: ./ops.pub, log: tsa}}
  logged: {{key: ./ops.pub, log: required}}
rules:
"""


def policy(rules: str, more: str = "") -> Policy:
    """A policy with those rules."""
    return load_policy((HEAD + rules + "\n" + more).encode())


def signed(by: str = "any-of: [release]", image: str = "ghcr.io/acme/app", more: str = "") -> str:
    """A rule that asks for signatures."""
    return f"- {{name: app, images: ['{image}'], signature: {{{by}}}{more}}}"


def attested(where: str = "", by: str = "any-of: [release]", more: str = "", formats: str = "[bundle]") -> str:
    """A rule that asks for provenance."""
    conditions = f", where: [{where}]" if where else ""
    kind = f"{{type: '{PROVENANCE}', {by}{conditions}{more}}}"
    return f"- {{name: app, images: ['ghcr.io/acme/app'], formats: {formats}, attestations: [{kind}]}}"


def spki(pem: str = PEM) -> bytes:
    """The key of a PEM."""
    import base64

    return base64.b64decode("".join(pem.splitlines()[1:-1]))


def export(
    engine: str, made: Policy, roots: dict[str, TrustedRoot] | None = None, image: str = "", key: bytes = b""
) -> Export:
    """What an engine gets."""
    keys = dict.fromkeys(("ops", "logged", "timed"), key or spki())
    module = importlib.import_module(f"sigstep.engines.{engine}.export")
    found: Export = module.export(Wanted(policy=made, keys=keys, roots=roots or {}, image=image))
    return found


def objects(found: Export) -> list[dict[str, Any]]:
    """Every object of all YAML files."""
    return [one for file in found.files if file.name.endswith(".yaml") for one in strict_yaml.loads_all(file.data)]


def refused(found: Export) -> set[str]:
    """Where losses are refused; then nothing is written."""
    places = {one.place for one in found.losses if one.refused}
    assert bool(places) == (not found.files)
    return places


def warned(found: Export) -> str:
    """All that is warned of."""
    return "\n".join(f"{one.place}: {one.what}" for one in found.losses if not one.refused)


_BOTH = signed("all-of: [release, audit]", more=", formats: [bundle]")
_PUSHED = signed("any-of: [trigger]", more=", formats: [legacy]")
_EITHER = signed("all-of: [release, audit]")
_MATCH: dict[str, Any] = {"attestations": {"it": [{"predicateType": "x"}]}}
# name: rule, what authorities matched, whether the policy over them is satisfied
CIP_RULES: dict[str, tuple[str, dict[str, Any], bool]] = {
    "both": (_BOTH, {"0-release-bundle": _MATCH, "0-audit-bundle": _MATCH}, True),
    "one": (_BOTH, {"0-release-bundle": _MATCH}, False),
    "one in both forms": (_EITHER, {"0-release-bundle": _MATCH, "0-release-legacy": _MATCH}, False),
    "one in each form": (_EITHER, {"0-release-bundle": _MATCH, "0-audit-legacy": _MATCH}, True),
    "extension": (_PUSHED, {"0-trigger-legacy": {"signatures": [{"githubWorkflowTrigger": "push"}]}}, True),
    "extension differs": (_PUSHED, {"0-trigger-legacy": {"signatures": [{"githubWorkflowTrigger": "fork"}]}}, False),
    "extension missing": (_PUSHED, {"0-trigger-legacy": {"signatures": [{}]}}, False),
    "allowed": (
        "- {name: app, images: [ghcr.io/acme/app], allow: {reason: old, until: 2200-01-01}}",
        {"allow": {"static": True}},
        True,
    ),
    "allowance ended": (
        "- {name: app, images: [ghcr.io/acme/app], allow: {reason: old, until: 2001-01-01}}",
        {"allow": {"static": True}},
        False,
    ),
}
