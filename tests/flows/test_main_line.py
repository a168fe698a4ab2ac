"""The main line by the command line: the same tests run on the sandbox and on real servers (``SIGSTEP_STACK``)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.flows.main_line import REPOSITORY, accepted, files, refused, run
from tests.stacks import Stack, stack

from sigstep.wire.bundle import parse_bundle

__all__ = ["files", "stack"]


def test_files_are_signed_and_verify(stack: Stack, files: Path) -> None:
    """Issue 2.4: message signatures, one bundle each, verified before they are written."""
    result = run(stack, "sign", "*.whl", "*.gz", "empty", "one.whl", "--format", "json")
    assert result.exception is None, result.exception
    assert [one["bundle"] for one in json.loads(result.output)["made"]] == [
        "one.whl.sigstore.json",
        "two.tar.gz.sigstore.json",
        "empty.sigstore.json",
    ]
    accepted(stack, "one.whl", "two.tar.gz", "empty")


def test_a_tampered_file_is_refused(stack: Stack, files: Path) -> None:
    """Issue 2, bad input."""
    assert run(stack, "sign", "one.whl").return_value == 0
    (files / "one.whl").write_bytes(b"tampered")
    result = run(stack, "verify", "one.whl", "--repo", REPOSITORY)
    assert result.return_value == 1


def test_provenance_of_all_files_in_one_statement(stack: Stack, files: Path) -> None:
    """One statement over all subjects, with content from verified claims."""
    result = run(stack, "attest", "*.whl", "*.gz", "--one-statement")
    assert result.exception is None, result.exception
    bundle = files / "attestation.sigstore.json"
    accepted(stack, "one.whl", "two.tar.gz", "--bundle", str(bundle), "--type", "https://slsa.dev/provenance/v1")


def test_a_statement_is_split_at_the_limit(stack: Stack, files: Path) -> None:
    """Issue 4: automatic split at a settable limit."""
    result = run(stack, "attest", "*.whl", "*.gz", "empty", "--one-statement", "--subjects-at-most", "2")
    assert result.return_value == 0
    assert sorted(path.name for path in files.glob("attestation*")) == [
        "attestation-1.sigstore.json",
        "attestation-2.sigstore.json",
    ]


def test_a_predicate_of_the_user(stack: Stack, files: Path) -> None:
    """--type and --predicate."""
    (files / "predicate.json").write_text('{"answer":42}')
    uri = "https://example.com/predicate/v1"
    assert run(stack, "attest", "one.whl", "--type", uri, "--predicate", "predicate.json").return_value == 0
    accepted(stack, "one.whl", "--type", uri)


@pytest.mark.parametrize("algorithm", ["ecdsa-p384", "ecdsa-p521", "rsa-2048"])
def test_other_key_algorithms(stack: Stack, files: Path, algorithm: str) -> None:
    """Issue 4: other algorithms of the registry by option."""
    result = run(stack, "sign", "one.whl", "--key-algorithm", algorithm)
    assert result.exception is None, result.exception
    accepted(stack, "one.whl")


def test_the_second_log_version(stack: Stack, files: Path) -> None:
    """Rekor v2 with a timestamp authority."""
    config = files / "v2.json"
    config.write_text(json.dumps(stack.client_trust_config(2)))
    for command in ("sign", "attest"):
        result = run(stack, command, "two.tar.gz", "--trust-config", str(config))
        assert result.exception is None, result.exception
        bundle = parse_bundle((files / "two.tar.gz.sigstore.json").read_bytes())
        assert bundle.entries[0].kind_version == "0.0.2"
        accepted(stack, "two.tar.gz")


def test_resuming_keeps_what_is_there(stack: Stack, files: Path) -> None:
    """Issue 4: a re-run signs only what is missing; a changed file is signed afresh."""
    run(stack, "sign", "one.whl", "two.tar.gz")
    (files / "two.tar.gz").write_bytes(b"changed")
    result = run(stack, "sign", "*.whl", "*.gz", "empty", "--resume", "--format", "json")
    assert [one["kept"] for one in json.loads(result.output)["made"]] == [True, False, False]
    accepted(stack, "one.whl", "two.tar.gz", "empty")


def test_resuming_does_not_keep_the_bundle_of_another_signer(stack: Stack, files: Path) -> None:
    """A bundle of another repository's build is not ours, however well it verifies."""
    token = files / "token"
    token.write_text(stack.token(repository="someone/else"))
    assert run(stack, "sign", "one.whl", "--token-file", str(token)).return_value == 0
    result = run(stack, "sign", "one.whl", "--resume", "--format", "json")
    assert [one["kept"] for one in json.loads(result.output)["made"]] == [False]
    accepted(stack, "one.whl")


def test_resuming_attestations(stack: Stack, files: Path) -> None:
    """What says the same is kept; another predicate, another subject or a bare signature is not."""
    (files / "p.json").write_text('{"answer":42}')
    kind = ("--type", "https://example.com/predicate/v1", "--predicate", "p.json")

    def kept(*arguments: str) -> list[bool]:
        result = run(stack, "attest", *arguments, "--resume", "--format", "json")
        assert result.exception is None, result.exception
        return [one["kept"] for one in json.loads(result.output)["made"]]

    run(stack, "sign", "one.whl")
    assert kept("one.whl") == [False]
    assert kept("one.whl", "two.tar.gz") == [True, False]
    assert kept("one.whl", *kind) == [False]
    assert kept("one.whl", *kind) == [True]
    (files / "p.json").write_text('{"answer":43}')
    assert kept("one.whl", *kind) == [False]
    assert kept("*.whl", "--one-statement") == [False]
    assert kept("*.whl", "--one-statement") == [True]
    assert kept("*.whl", "*.gz", "--one-statement") == [False]
    accepted(stack, "one.whl", "two.tar.gz", "--bundle", "attestation.sigstore.json")
    result = run(stack, "attest", "*.whl", "*.gz", "--resume", "--bundle", "all.sigstore.jsonl")
    assert refused(result) == ("option-conflict", 2)
