"""The JSON Schema in the package agrees with the loader on what is written and what is refused."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from tests.unit.policy.test_document import ATTESTED, BROKEN, FULL, HEAD, SIGNED
from tests.unit.refusals import code_of

from sigstep.cli.policy import group
from sigstep.flows.policies import template
from sigstep.policy.document import load_policy
from sigstep.wire import strict_yaml

SCHEMA = Draft202012Validator(json.loads((resources.files("sigstep.policy") / "schema.json").read_text()))


def valid(text: str) -> bool:
    """Whether the schema takes the document."""
    return bool(SCHEMA.is_valid(strict_yaml.loads(text.encode())))


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        SIGNED + "{any-of: [release]}}",
        SIGNED + "{at-least: 1, of: [release]}, mode: warn}",
        ATTESTED + "any-of: [release], each: every, where: [{path: [predicate, a], in: [1, x]}]}]}",
        HEAD + "rules: [{name: r, images: [a], exclude: [b], allow: {reason: x, until: 2027-01-01}}]",
        HEAD + "recalls: [{commit: c0ffee, reason: x, date: 2026-01-01}]\ndependencies: {}",
        template("acme/app", workflow="release.yml", branch="main"),
        *FULL,
    ],
)
def test_taken(text: str) -> None:
    """What the loader reads."""
    load_policy(text.encode())
    assert valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "schema: other",
        HEAD + "rules: []",
        HEAD + "rules: [{name: r, blobs: [a]}]",
        HEAD + "rules: [{name: r, blobs: [a], allow: {reason: x}}]",
        HEAD + "rules: [{name: r, blobs: [a], deny: {reason: x}, allow: {reason: x, until: 2027-01-01}}]",
        SIGNED + "{any-of: [release], all-of: [release]}}",
        SIGNED + "{of: [release]}}",
        ATTESTED + "any-of: [release], more: 1}]}",
        ATTESTED + "any-of: [release], where: [{path: predicate.a}]}]}",
        HEAD.replace("key: ./ops.pub", "key: ./ops.pub, subject: x"),
        *BROKEN,
    ],
)
def test_refused(text: str) -> None:
    """What the loader refuses."""
    assert not valid(text)


def test_commands(tmp_path: Path) -> None:
    """``init`` writes what ``check`` reads."""
    made = CliRunner().invoke(group, ["init", "acme/app"])
    assert made.exit_code == 0
    file = tmp_path / "p.yml"
    file.write_text(made.output + '  mode: warn\nrecalls: [{commit: c0ffee, reason: x, date: "2026-01-01"}]\n')
    said = CliRunner().invoke(group, ["check", str(file)])
    assert said.exit_code == 0
    assert "rule       release (warn)" in said.output
    assert "recall     commit c0ffee" in said.output
    file.write_text(HEAD.replace("  ops: {key: ./ops.pub}\n", ""))
    said = CliRunner().invoke(group, ["check", str(file)])
    assert "no rule names the signer release" in said.output
    assert "everything is refused" in said.output
    file.write_text(
        "schema: sigstep/policy/v1\nsigners:\n"
        "  any: {issuer: https://issuer.example, extensions: {runner-environment: github-hosted}}\n"
        "  one: {issuer: https://issuer.example, extensions: {source-repository-id: '7'}}\n"
    )
    said = CliRunner().invoke(group, ["check", str(file)])
    assert "the signer any is anybody whose run has these extensions" in said.output
    assert "the signer one is" not in said.output
    file.write_text(
        HEAD.replace("  ops: {key: ./ops.pub}\n", "")
        + "rules: [{name: r, blobs: [a], allow: {reason: x, until: 2001-01-01}}]"
    )
    assert "the allowance of r ended on 2001-01-01" in CliRunner().invoke(group, ["check", str(file)]).output
    made = CliRunner().invoke(group, ["init", "acme/app", "--image", "nginx"])
    assert load_policy(made.output.encode()).rules[0].images == ("docker.io/library/nginx",)


def test_init_for_a_workflow_that_runs_on_tags() -> None:
    """The workflow that `sigstep init` writes runs on tags: the policy takes these, and no branch."""
    made = CliRunner().invoke(group, ["init", "acme/app", "--workflow", "sigstep.yml", "--tag", "v*"])
    identity = load_policy(made.output.encode()).signers["release"].identity
    assert identity is not None
    subject = identity.subject
    path = "https://github.com/acme/app/.github/workflows/sigstep.yml"
    assert subject is not None
    assert [subject.matches(f"{path}@{ref}") for ref in ("refs/tags/v1.2.3", "refs/heads/v1", "refs/tags/x")] == [
        True,
        False,
        False,
    ]
    both = ["init", "acme/app", "--branch", "main", "--tag", "v*"]
    assert code_of(lambda: CliRunner().invoke(group, both, catch_exceptions=False)) == "option-conflict"


@pytest.mark.parametrize("slug", ["acme", 'acme/a"b', "acme/a b"])
def test_init_refuses(slug: str) -> None:
    """Names that are none."""
    assert code_of(lambda: template(slug, workflow="a.yml", branch="main")) == "repository-malformed"


def test_documentation() -> None:
    """The example of the policy file's page is one that both take."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "policy-file.md").read_text()
    text = page.partition("```yaml\n")[2].partition("```")[0]
    assert valid(text)
    assert [rule.name for rule in load_policy(text.encode()).rules] == ["wheels", "old-tools"]
