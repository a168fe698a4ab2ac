"""``sigstep verify --policy`` on what sigstore-python signs through the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.flows.test_verify_sandbox import verified
from tests.sandboxes import sandbox
from tests.unit.refusals import code_of

from sigstep.cli.verify import command as verify
from sigstep.model.digest import Algorithm, Digest
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

HEAD = """
schema: sigstep/policy/v1
signers:
  release:
    issuer: https://token.actions.githubusercontent.com
    subject: {glob: "https://github.com/acme/app/**"}
rules:
"""


def policy(folder: Path, text: str) -> tuple[str, str]:
    """The option that names a policy file with those rules."""
    file = folder / "sigstep.yml"
    file.write_text(HEAD + text)
    return "--policy", str(file)


@pytest.mark.parametrize(
    ("rule", "status", "word"),
    [
        ("- {name: r, blobs: [hello], signature: {any-of: [release]}}", 0, "policyDigest"),
        ("- {name: r, blobs: [hello], allow: {reason: old, until: 2999-01-01}}", 0, "policy-allowed"),
        ("- {name: r, blobs: [hello], deny: {reason: bad}, mode: warn}", 0, "policy-denied"),
        ("- {name: r, blobs: [other], signature: {any-of: [release]}}", 1, "policy-no-rule"),
        ("- {name: r, blobs: [hello], deny: {reason: bad}}", 1, "policy-denied"),
        ("- {name: r, blobs: [hello], allow: {reason: old, until: 2001-01-01}}", 1, "policy-allow-expired"),
        (
            "- {name: r, blobs: [hello], attestations: [{type: 'https://slsa.dev/provenance/v1', any-of: [release]}]}",
            1,
            "policy-attestation-missing",
        ),
    ],
)
def test_rules(sandbox: Sandbox, tmp_path: Path, rule: str, status: int, word: str) -> None:
    """The file alone decides, over everything that was proved."""
    found, output = verified(sandbox, tmp_path, *policy(tmp_path, rule), "--format", "json")
    assert (found, word in output) == (status, True)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_recalled_files(sandbox: Sandbox, tmp_path: Path, algorithm: Algorithm) -> None:
    """A recall names a file by any digest, also by one that no bundle needs."""
    recalled = Digest.of(b"hello", algorithm)
    rule = "- {name: r, blobs: [hello], signature: {any-of: [release]}}"
    options = policy(tmp_path, f"{rule}\nrecalls: [{{digest: '{recalled}', reason: stolen, date: 2026-11-01}}]")
    status, output = verified(sandbox, tmp_path, *options, "--format", "json")
    assert (status, "policy-recalled" in output) == (1, True)


def test_a_file_does_not_choose_its_rule(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by a name with a backslash, nor on a detour: only files of the folder are of its rule."""
    monkeypatch.chdir(tmp_path)
    for path in ("tools/a", "dist/b", "tools\\evil", "dist/tools\\evil"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_bytes(b"unsigned")
    options = policy(tmp_path, '- {name: r, blobs: ["tools/**"], allow: {reason: old, until: 2999-01-01}}')
    trust = ("--trusted-root", str(sandbox.trusted_root_file))
    for path, status in (
        ("tools/a", 0),
        ("./tools//./a", 0),
        ("dist/../tools/a", 0),
        ("tools\\evil", 1),
        ("dist/tools\\evil", 1),
        ("tools/../dist/b", 1),
        ("./tools/../dist/b", 1),
    ):
        result = CliRunner().invoke(verify, (path, *options, *trust), standalone_mode=False, catch_exceptions=False)
        assert (result.return_value, "policy-no-rule" in result.output) == (status, bool(status)), (path, result.output)


@pytest.mark.parametrize("pattern", ["hello", "./hello", "./*", ".//hello", "x/../hello"])
def test_a_pattern_may_be_written_as_paths_are(sandbox: Sandbox, tmp_path: Path, pattern: str) -> None:
    """A denial with a leading ``./`` denies."""
    options = policy(
        tmp_path, '- {name: r, blobs: ["' + pattern + '"], deny: {reason: bad}}\ndefaults: {no-match: allow}'
    )
    status, output = verified(sandbox, tmp_path, *options, "--format", "json")
    assert (status, "policy-denied" in output) == (1, True)


def test_another_signer(sandbox: Sandbox, tmp_path: Path) -> None:
    """A good signature of somebody else satisfies no rule."""
    options = policy(tmp_path, "- {name: r, blobs: [hello], signature: {any-of: [release]}}")
    assert verified(sandbox, tmp_path, *options, token=sandbox.token(repository="evil/app"))[0] == 1


def test_other_options(sandbox: Sandbox, tmp_path: Path) -> None:
    """A signer on the command line beside a policy file would leave open which counts."""
    options = policy(tmp_path, "- {name: r, blobs: [hello], deny: {reason: bad}}")
    assert code_of(lambda: verified(sandbox, tmp_path, *options, "--repo", "acme/app")) == "option-conflict"


def test_what_was_not_verified_is_not_called_so(sandbox: Sandbox, tmp_path: Path) -> None:
    """An allowance is told with its reason."""
    options = policy(tmp_path, "- {name: r, blobs: [hello], allow: {reason: old tools, until: 2999-01-01}}")
    _, output = verified(sandbox, tmp_path, *options)
    assert output.startswith("accepted  ")
    assert "old tools" in output
