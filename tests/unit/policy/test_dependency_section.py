"""The ``dependencies`` section of the policy file: what it says, what it refuses, and that its schema agrees."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from importlib import resources

import pytest
from jsonschema import Draft202012Validator

from sigstep.errors import SigstepError
from sigstep.model.dependency import Level
from sigstep.policy.dependency_rules import DependencyPolicy, Profile
from sigstep.policy.document import load_policy
from sigstep.wire import strict_yaml

SCHEMA = Draft202012Validator(json.loads((resources.files("sigstep.policy") / "schema.json").read_text()))
HEAD = "schema: sigstep/policy/v1\ndependencies:\n"
WHOLE = """  profile: strict
  rules: {too-new: warn}
  publishers:
    - {package: "npm:@acme/*", repository: acme/app, repository-id: "1001", workflow: release.yml}
  require: ["pypi:acme-*"]
  accept:
    - {package: "npm:foo", rule: publisher-changed, repository-id: "9", reason: moved, expires: 2027-01-31}
  registries: ["https://npm.corp.example/"]
"""


def test_the_whole_section() -> None:
    """Every member."""
    policy = load_policy((HEAD + WHOLE).encode()).dependencies
    assert policy.profile is Profile.STRICT
    assert policy.levels == {"too-new": Level.WARN}
    assert (policy.publishers[0].package, policy.publishers[0].repository_id) == ("npm:@acme/*", "1001")
    assert policy.require == ("pypi:acme-*",)
    assert policy.acceptances[0].expires == datetime(2027, 2, 1, tzinfo=timezone.utc)
    assert policy.sources == {"https://npm.corp.example"}
    assert SCHEMA.is_valid(strict_yaml.loads((HEAD + WHOLE).encode()))
    assert load_policy(b"schema: sigstep/policy/v1\n").dependencies == DependencyPolicy()


@pytest.mark.parametrize(
    ("text", "schema_sees_it"),
    [
        ("  other: 1\n", True),
        ("  profile: lax\n", True),
        ("  rules: {nothing: warn}\n", False),
        ("  rules: {too-new: off}\n", True),
        ("  publishers: []\n", True),
        ("  publishers: [{package: 'npm:a'}]\n", True),
        ("  publishers: [{repository: a/b}]\n", True),
        ("  require: ['']\n", True),
        ("  accept: [{package: 'npm:*', rule: yanked, to: '1', reason: x, expires: 2027-01-01}]\n", True),
        ("  accept: [{package: foo, rule: yanked, to: '1', reason: x, expires: 2027-01-01}]\n", True),
        ("  accept: [{package: 'npm:a', rule: yanked, reason: x, expires: 2027-01-01}]\n", True),
        ("  accept: [{package: 'npm:a', rule: yanked, to: '1', reason: x}]\n", True),
        ("  accept: [{package: 'npm:a', rule: nothing, to: '1', reason: x, expires: 2027-01-01}]\n", False),
        ("  accept: [{package: 'npm:a', rule: yanked, to: '1', expires: 2027-01-01}]\n", True),
    ],
)
def test_refuses(text: str, schema_sees_it: bool) -> None:
    """Acceptances are narrow and end; nothing is guessed."""
    with pytest.raises(SigstepError) as refused:
        load_policy((HEAD + text).encode())
    assert refused.value.code == "policy-malformed"
    assert SCHEMA.is_valid(strict_yaml.loads((HEAD + text).encode())) is not schema_sees_it
