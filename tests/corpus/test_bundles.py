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
    owner = ["--owner", "bdehamer"]
    assert verify([*trust, *owner, f"sha256:{digest}"]).returncode == 1
    assert verify([*trust, "--release-of", "bdehamer/delme@v6", f"sha256:{digest}"]).returncode == 0
    assert verify([*trust, "--release-of", "bdehamer/delme@v7", f"sha256:{digest}"]).returncode == 1


MATERIAL = SHARED / "material"
ANYONE = ("--any-signer-unsafe", "looks at the format")
PYPI_FILE = "pypi_attestations-0.0.19.tar.gz"
OTHER_FORMATS = {
    "pep740 object": (
        "staging",
        "pep740/rfc8785-0.1.2-py3-none-any.whl.publish.attestation",
        "rfc8785-0.1.2-py3-none-any.whl",
    ),
    "pep740 provenance": ("public-good", f"pep740/{PYPI_FILE}.provenance", PYPI_FILE),
}


@pytest.mark.parametrize("name", OTHER_FORMATS)
def test_pep_740(name: str, tmp_path: Path) -> None:
    """A distribution is accepted with its attestation, and a changed one refused."""
    root, attestation, file = OTHER_FORMATS[name]
    options = ["--trusted-root", str(SHARED / "trust" / f"{root}.trusted_root.json"), *ANYONE]
    bundle = ["--bundle", str(MATERIAL / attestation)]
    assert verify([*options, *bundle, str(MATERIAL / "pep740" / file)]).returncode == 0
    changed = tmp_path / file
    changed.write_bytes((MATERIAL / "pep740" / file).read_bytes() + b"\0")
    assert verify([*options, *bundle, str(changed)]).returncode == 1


@pytest.mark.parametrize("name", ["nuxt@3.13.0", "nuxt@4.1.2", "sigstore-attestations"])
def test_npm_provenance(name: str) -> None:
    """The provenance in a registry's answer is accepted for its workflow, whatever its age and format."""
    import base64

    answer = MATERIAL / "registry" / "npm" / f"{name}.json"
    bundle = json.loads(answer.read_text())["attestations"][0]["bundle"]
    digest = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))["subject"][0]["digest"]["sha512"]
    root = ["--trusted-root", str(SHARED / "trust" / "public-good.trusted_root.json")]
    repository = "sigstore/sigstore-js" if name.startswith("sigstore") else "nuxt/nuxt"
    workflow = "publish" if name.startswith("sigstore") else "release"
    signer = ["--signer-workflow", f"{repository}/.github/workflows/{workflow}.yml"]
    assert verify([*root, *signer, "--bundle", str(answer), f"sha512:{digest}"]).returncode == 0
    other = ["--signer-workflow", f"{repository}/.github/workflows/other.yml"]
    assert verify([*root, *other, "--bundle", str(answer), f"sha512:{digest}"]).returncode == 1
