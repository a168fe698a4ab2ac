"""Inspecting and converting bundles, by the command line, on bundles that the sandbox made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.sandboxes import sandbox

from sigstep.cli.main import sigstep
from sigstep.errors import SigstepError
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]


@pytest.fixture
def bundle(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle over ``one.whl``, of Rekor v1: promise and proof."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.whl").write_bytes(b"one")
    assert run(sandbox, "sign", "one.whl").return_value == 0
    return tmp_path / "one.whl.sigstore.json"


def run(box: Sandbox, *arguments: str) -> Result:
    variables: dict[str, str | None] = {"SIGSTORE_ID_TOKEN": None, "GITHUB_ACTOR": None, **box.environ(token=True)}
    return CliRunner().invoke(sigstep, [*arguments], env=variables, standalone_mode=False)


def verify(box: Sandbox) -> int:
    repository = str(box.issuer.claims["repository"])
    status = run(box, "verify", "one.whl", "--repo", repository).return_value
    assert isinstance(status, int)
    return status


def as_old(path: Path, version: str, *, proof: bool) -> None:
    """The bundle at ``path`` as an older version."""
    document = json.loads(path.read_bytes())
    material = document["verificationMaterial"]
    document["mediaType"] = f"application/vnd.dev.sigstore.bundle+json;version={version}"
    material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
    if not proof:
        for entry in material["tlogEntries"]:
            del entry["inclusionProof"]
    path.write_text(json.dumps(document))


def test_a_list_of_bundles_beside_the_file(sandbox: Sandbox, bundle: Path) -> None:
    """Conda's side file: a JSON array of bundles (CEP 27), of which one that fits is enough; an empty one proves nothing."""
    beside = bundle.with_name("one.whl.v0.sigs")
    document = json.loads(bundle.read_bytes())
    bundle.unlink()
    beside.write_text(json.dumps([document]))
    assert verify(sandbox) == 0
    for bad in ([], [document, None], [[document]]):
        beside.write_text(json.dumps(bad))
        assert verify(sandbox) != 0


@pytest.mark.parametrize("version", ["0.1", "0.2"])
def test_an_old_bundle_is_upgraded_and_still_verifies(sandbox: Sandbox, bundle: Path, version: str) -> None:
    """`sigstep bundle upgrade`, in place."""
    as_old(bundle, version, proof=True)
    assert verify(sandbox) == 0
    assert run(sandbox, "bundle", "upgrade", str(bundle)).exception is None
    assert json.loads(bundle.read_bytes())["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert verify(sandbox) == 0


def test_a_promise_alone_cannot_be_converted_offline(sandbox: Sandbox, bundle: Path) -> None:
    """Version 0.3 requires a proof; the file stays as it was."""
    as_old(bundle, "0.1", proof=False)
    before = bundle.read_bytes()
    assert verify(sandbox) == 0
    failed = run(sandbox, "bundle", "upgrade", "--offline", str(bundle)).exception
    assert isinstance(failed, SigstepError)
    assert failed.code == "bundle-not-convertible"
    assert bundle.read_bytes() == before


def test_the_missing_proof_is_fetched(sandbox: Sandbox, bundle: Path) -> None:
    """Online the log is asked for the entry at the stated index; it has to be the same entry."""
    as_old(bundle, "0.1", proof=False)
    old = bundle.read_text()
    assert run(sandbox, "bundle", "upgrade", str(bundle)).exception is None
    document = json.loads(bundle.read_bytes())
    assert document["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert document["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]["envelope"]
    assert verify(sandbox) == 0
    index = json.loads(old)["verificationMaterial"]["tlogEntries"][0]["logIndex"]
    bundle.write_text(old.replace(f'"{index}"', f'"{int(index) - 1}"', 1))
    failed = run(sandbox, "bundle", "upgrade", str(bundle)).exception
    assert isinstance(failed, SigstepError)
    assert failed.code == "entry-other"
    with Sandbox() as other:
        bundle.write_text(old)
        failed = run(other, "bundle", "upgrade", str(bundle)).exception
    assert isinstance(failed, SigstepError)
    assert failed.code == "entry-not-found"


def test_the_missing_entry_is_fetched(sandbox: Sandbox, bundle: Path, tmp_path: Path) -> None:
    """A line of slsa-github-generator (envelope and certificate) becomes a whole bundle."""
    assert run(sandbox, "attest", "one.whl").return_value == 0
    document = json.loads(bundle.read_bytes())
    envelope = document["dsseEnvelope"]
    raw = document["verificationMaterial"]["certificate"]["rawBytes"]
    envelope["signatures"][0]["cert"] = f"-----BEGIN CERTIFICATE-----\n{raw}\n-----END CERTIFICATE-----\n"
    line = tmp_path / "one.whl.intoto.jsonl"
    line.write_text(json.dumps(envelope))
    bundle.unlink()
    assert run(sandbox, "bundle", "convert", str(line), "--output", str(bundle)).exception is None
    line.unlink()
    assert verify(sandbox) == 0
    envelope["signatures"][0]["sig"] = "AAAA"
    line.write_text(json.dumps(envelope))
    failed = run(sandbox, "bundle", "convert", str(line)).exception
    assert isinstance(failed, SigstepError)
    assert failed.code == "entry-not-found"


def test_an_envelope_without_any_time_cannot_be_converted(sandbox: Sandbox, tmp_path: Path) -> None:
    """A bare envelope has neither log entry nor time stamp."""
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": "e30=", "signatures": [{"sig": "AAAA"}]}
    path = tmp_path / "bare.json"
    path.write_text(json.dumps(envelope))
    for options, code in (((), "entry-not-found"), (("--offline",), "bundle-not-convertible")):
        failed = run(sandbox, "bundle", "convert", *options, str(path)).exception
        assert isinstance(failed, SigstepError)
        assert failed.code == code


def test_several_bundles_are_converted_to_lines(sandbox: Sandbox, bundle: Path, tmp_path: Path) -> None:
    """JSON Lines in, JSON Lines out; what comes out verifies."""
    output = tmp_path / "all.jsonl"
    line = json.dumps(json.loads(bundle.read_bytes()))
    bundle.write_text(f"{line}\n{line}")
    assert run(sandbox, "bundle", "convert", str(bundle), "--output", str(output)).exception is None
    assert len(output.read_text().splitlines()) == 2
    bundle.write_bytes(output.read_bytes())
    assert verify(sandbox) == 0
    assert run(sandbox, "bundle", "convert", str(bundle)).output == output.read_text()


def test_inspect_shows_claims_and_no_verdict(sandbox: Sandbox, bundle: Path) -> None:
    """`sigstep inspect` of a signature."""
    text = run(sandbox, "inspect", str(bundle)).output
    assert text.startswith("Claims only: nothing of this has been verified.")
    assert "signer source-repository: " in text or "signer source-repository-uri: " in text
    document = json.loads(run(sandbox, "inspect", str(bundle), "--format", "json").output)
    assert document["verified"] is False
    assert document["bundles"][0]["content"]["kind"] == "message"
    assert document["bundles"][0]["entries"][0]["kind"] == "hashedrekord 0.0.1"


def test_inspect_shows_a_statement_and_its_subjects(sandbox: Sandbox, bundle: Path) -> None:
    """`sigstep inspect` of an attestation."""
    assert run(sandbox, "attest", "one.whl").return_value == 0
    text = run(sandbox, "inspect", str(bundle)).output
    assert "content predicateType: https://slsa.dev/provenance/v1" in text
    assert "about: one.whl (sha256:" in text


def test_inspect_tells_a_certificate_that_cannot_be_read(sandbox: Sandbox, bundle: Path) -> None:
    """Claims are hostile: what cannot be read is said with its code, and the rest is shown."""
    document = json.loads(bundle.read_bytes())
    document["verificationMaterial"]["certificate"]["rawBytes"] = "MAA="
    bundle.write_text(json.dumps(document))
    shown = json.loads(run(sandbox, "inspect", str(bundle), "--format", "json").output)["bundles"][0]
    assert shown["signer"]["code"] == "certificate-malformed"


def test_inspect_refuses_what_is_no_bundle(sandbox: Sandbox, tmp_path: Path) -> None:
    """The code of the parser is kept."""
    path = tmp_path / "no.json"
    path.write_text('{"mediaType":"x"}')
    failed = run(sandbox, "inspect", str(path)).exception
    assert isinstance(failed, SigstepError)
    assert failed.code == "bundle-version"
