"""The public cases: every valid bundle is accepted, every other refused with the code kept in codes.json."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SIGSTEP_SHARED", str(Path(__file__).parents[2].parent / "shared")))  # noqa: TID251
CASES = sorted(folder for folder in (SHARED / "corpus").glob("*") if folder.is_dir())
CODES = json.loads((Path(__file__).parent / "codes.json").read_text())


def arguments(folder: Path) -> list[str]:
    """The command line that a case asks for."""
    case = json.loads((folder / "case.json").read_text())
    own = case["root"] == "own"
    root = folder / "trusted_root.json" if own else SHARED / "trust" / f"{case['root']}.trusted_root.json"
    target = str(folder / "artifact") if case["subject"] == "artifact" else case["subject"]
    if (folder / "key.pub").exists():
        signer = ["--key", str(folder / "key.pub")]
    elif case.get("issuer"):
        signer = ["--identity", case["identity"], "--issuer", case["issuer"]]
    else:
        signer = ["--any-signer-unsafe", "the case names no issuer"]
    bundle = str(folder / "bundle.sigstore.json")
    return ["--format", "json", "--bundle", bundle, "--trusted-root", str(root), *signer, target]


def verify(options: list[str]) -> subprocess.CompletedProcess[str]:
    """`sigstep verify` as a process of its own."""
    command = [sys.executable, "-m", "sigstep", "verify", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_corpus_is_there() -> None:
    """Nothing passes because there was nothing."""
    assert CASES


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_case(folder: Path) -> None:
    """The verdict is the stated one, and a refusal is for the planted reason."""
    expected = json.loads((folder / "case.json").read_text())["expect"]
    done = verify(arguments(folder))
    assert "Traceback" not in done.stderr
    if expected == "accept":
        assert done.returncode == 0, done.stdout + done.stderr
        return
    assert done.returncode == 1, done.stdout + done.stderr
    code = CODES[folder.name]
    assert f'"code": "{code}"' in done.stdout or f"[{code}]" in done.stderr


def test_a_real_github_release_attestation() -> None:
    """A release attestation has a time stamp only, and a certificate without an issuer."""
    bundle = SHARED / "material" / "github_release_bundle.json"
    payload = json.loads(bundle.read_text())["dsseEnvelope"]["payload"]
    import base64

    subjects = json.loads(base64.b64decode(payload))["subject"]
    digest = next(one["digest"]["sha256"] for one in subjects if "sha256" in one["digest"])
    root = str(SHARED / "trust" / "github.trusted_root.json")
    trust = ["--bundle", str(bundle), "--trusted-root", root]
    owner = ["--extension", "source-repository-owner-id=1"]
    assert verify([*trust, *owner, f"sha256:{digest}"]).returncode == 1
    anyone = ["--any-signer-unsafe", "looks at the format"]
    assert verify([*trust, *anyone, f"sha256:{digest}"]).returncode == 0
