"""A saved image with a legacy attestation (SET only) of the public good instance, verified without a network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.corpus.test_bundles import SHARED, verify

LAYOUT = SHARED / "material" / "oci-layout-v1.4.0"
ROOT = str(SHARED / "trust" / "public-good.trusted_root.json")
BUILDER = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v1.4.0"
SIGNER = ["--identity", BUILDER, "--issuer", "https://token.actions.githubusercontent.com"]
TYPE = ["--type", "https://slsa.dev/provenance/v0.2"]


def test_the_attestation_verifies() -> None:
    """The tag-based layout that `cosign save` writes."""
    done = verify([str(LAYOUT), "--trusted-root", ROOT, *SIGNER, *TYPE, "--format", "json"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["verdicts"][0]["outcome"] == "accepted"


def test_an_attestation_is_no_signature() -> None:
    """Issue 5: `verify` says which predicate it needs."""
    done = verify([str(LAYOUT), "--trusted-root", ROOT, *SIGNER])
    assert done.returncode == 1
    assert "attestation-no-signature" in done.stdout


def test_another_signer_is_refused() -> None:
    """The identity decides."""
    done = verify([str(LAYOUT), "--trusted-root", ROOT, "--identity", "x", "--issuer", "y", *TYPE])
    assert done.returncode == 1, done.stdout


@pytest.mark.parametrize(("old", "new"), [(b"payload", b"payl0ad"), (b"}", b"")])
def test_changed_bytes_are_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    """Every blob is checked against its digest and size."""
    copy = tmp_path / "layout"
    shutil.copytree(LAYOUT, copy)
    blob = copy / "blobs" / "sha256" / "784c5bd14237b9a979fd0251f01dcc7956f06da243ca1e9c52470c410e53c654"
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes().replace(old, new))
    done = verify([str(copy), "--trusted-root", ROOT, *SIGNER, *TYPE])
    assert done.returncode == 1
    assert ("registry-digest-mismatch" if len(old) == len(new) else "registry-size-mismatch") in done.stdout
