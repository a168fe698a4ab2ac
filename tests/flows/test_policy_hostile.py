"""What strangers hand to ``sigstep policy``: bounded, named, refused; nothing is admitted or written by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.test_policy_trials import policy
from tests.unit.refusals import code_of

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
)
HOSTILE = {
    "alias bomb": (BOMB, {"yaml-too-large"}),
    "cyclic anchor": ("a: &a [*a]", {"yaml-malformed"}),
    "50 MB": ("#" * 1024 * 1024 * 50, {"yaml-too-large"}),
    "unresolved template": ("a: {{ .Values.b }}", {"yaml-malformed"}),
    "tag": ("!!python/object:os.system {}", {"yaml-tag"}),
    "no mapping": ("[]", {"policy-malformed", "engine-policy"}),
    "nothing": ("", {"policy-malformed", "engine-policy"}),
    "unknown kind": ("apiVersion: x.example/v1\nkind: Policy", {"policy-malformed", "engine-policy"}),
    "other version": ("schema: sigstep/policy/v2", {"policy-malformed", "engine-policy"}),
    "repeated key": ("a: 1\na: 2", {"yaml-duplicate-key"}),
}
COMMANDS = {
    "check": ("check", "FILE"),
    "explain": ("explain", "--policy", "FILE"),
    "export": ("export", "FILE", "--engine", "kyverno", "--offline"),
    "test": ("test", "FILE", "--policy", "GOOD"),
    "recall list": ("recall", "list", "FILE"),
    "recall add": ("recall", "add", "FILE", "--commit", "abcd", "--reason", "b"),
    **{
        f"convert {one}": ("convert", "FILE", "--from", one)
        for one in ("policy-controller", "kyverno", "gatekeeper", "connaisseur")
    },
}
GOOD = "schema: sigstep/policy/v1\nrules: [{name: r, blobs: ['**'], deny: {reason: x}}]"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path: Path, name: str, command: str) -> None:
    """Every command that reads a file refuses it, and leaves it as it was."""
    text, codes = HOSTILE[name]
    file, good = tmp_path / "file.yml", tmp_path / "good.yml"
    file.write_text(text)
    good.write_text(GOOD)
    arguments = [{"FILE": str(file), "GOOD": str(good)}.get(one, one) for one in COMMANDS[command]]
    assert code_of(lambda: policy(*arguments)) in codes
    assert file.read_text() == text


def test_catastrophic_expressions_end(tmp_path: Path) -> None:
    """RE2 is linear in the text, whatever the expression."""
    file, cases = tmp_path / "p.yml", tmp_path / "c.yml"
    file.write_text(
        "schema: sigstep/policy/v1\nsigners: {s: {issuer: i, subject: {regex: '(a+)+b'}}}\n"
        "rules: [{name: r, blobs: [x], signature: {any-of: [s]}}]"
    )
    cases.write_text(
        "schema: sigstep/policy-tests/v1\ncases:\n"
        f"- {{name: a, file: x, proofs: [{{issuer: i, subject: {'a' * 4000}}}], expect: deny}}"
    )
    assert policy("test", str(cases), "--policy", str(file))[0] == 0
    for bad in ("(a", "a{1,9999}", "(?=a)"):
        file.write_text(file.read_text().replace("(a+)+b", bad))
        assert code_of(lambda: policy("check", str(file))) == "matcher-malformed"
        file.write_text(file.read_text().replace(bad, "(a+)+b"))
