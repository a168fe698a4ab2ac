"""Every row of docs/how-to/from-slsa-verifier.md: it verifies with the right value and refuses a wrong one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.flows.main_line import run
from tests.flows.slsa import BUILDER, GENERATOR, TAG, delegated, generator
from tests.flows.test_images import push
from tests.flows.test_translations import filled
from tests.sandboxes import sandbox

from sigstep.oci.client import Client
from sigstep.ports.real import real_world
from sigstep.sandbox.claims import GITHUB_ISSUER
from sigstep.sandbox.local import Sandbox
from sigstep.stores.beside import read_bundles

__all__ = ["sandbox"]
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "from-slsa-verifier.md"
COMMON = "build-workflow-input builder-id print-provenance source-branch source-tag source-uri source-versioned-tag"
FLAGS = {  # of slsa-verifier 2.7.1
    "verify-artifact": f"{COMMON} provenance-path provenance-repository",
    "verify-image": f"{COMMON} provenance-path provenance-repository",
    "verify-npm-package": f"{COMMON} attestations-path package-name package-version",
    "verify-vsa": """attestation-path print-attestation public-key-id public-key-path resource-uri subject-digest verified-level
        verifier-id""",
    "verify-github-attestation": "attestation-path builder-id print-attestation source-uri",
}
WRONG = {
    "OWNER/NAME": "acme/other",
    "BUILDER": BUILDER.replace("generic", "container"),
    "BRANCH": "other",
    "TAG": "v1.2.4",
    "VERSION": "v1.3",
    "VALUE": "4",
    "HEX": "00" * 32,
    "PURL": "pkg:npm/%40acme/other@1.0.0",
    "RUNNER": "https://github.com/actions/runner/self-hosted",
    "VERIFIER": "https://other.example",
    "RESOURCE": "pkg:generic/other",
    "LEVEL": "SLSA_BUILD_LEVEL_4",
}


def rows() -> Iterator[tuple[str, str, str]]:
    """Section, flags of slsa-verifier, and what stands beside them."""
    section = ""
    for line in PAGE.read_text().splitlines():
        section = line[3:] if line.startswith("## ") else section
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `--"):
            yield section, cells[0], cells[1]


RUN = [(f"{section} {theirs}", ours.strip("`")) for section, theirs, ours in rows() if not ours.startswith("nothing:")]


@pytest.fixture(scope="module")
def right(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The right value of every word in capitals, for provenance of slsa-github-generator and npm, and a summary."""
    folder = tmp_path_factory.mktemp("slsa")
    commit = str(sandbox.issuer.claims["sha"])
    built = ("--token-file", str(folder / "token"))
    (folder / "token").write_text(sandbox.token(job_workflow_ref=GENERATOR, **TAG))
    (folder / "npm-token").write_text(sandbox.token(**TAG))
    (folder / "generator.json").write_text(json.dumps(generator(BUILDER, commit)))
    npm = delegated("https://github.com/actions/runner/github-hosted", commit)
    (folder / "npm.json").write_text(json.dumps(npm))
    artifact, tarball = folder / "app.bin", folder / "app.tgz"
    artifact.write_bytes(b"app")
    tarball.write_bytes(b"tarball")
    image = push(sandbox, "generated")
    purl = "pkg:npm/%40acme/app@1.0.0"
    sha512 = hashlib.sha512(b"tarball").hexdigest()
    kind = ("--type", "slsaprovenance", "--predicate", str(folder / "generator.json"))
    npm_kind = ("--type", "slsaprovenance1", "--predicate", str(folder / "npm.json"))
    npm_bundle = ("--bundle", str(folder / "npm.sigstore.json"), "--token-file", str(folder / "npm-token"))
    key = ec.generate_private_key(ec.SECP256R1())
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*private))
    public = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pub").write_bytes(key.public_key().public_bytes(*public))
    verifier, resource = "https://verifier.example", "pkg:generic/app"
    vsa = (
        "--attest-summary",
        "--verifier-id",
        verifier,
        "--resource-uri",
        resource,
        "--summary-key",
        str(folder / "key.pem"),
    )
    for arguments in (
        ("attest", str(artifact), *kind, *built),
        ("attest", str(image), *kind, *built),
        ("attest", "--digest", f"{purl}=sha512:{sha512}", *npm_kind, *npm_bundle),
        ("verify", str(artifact), "--repo", "acme/app", *vsa),
    ):
        result = run(sandbox, *arguments)
        assert (result.exception, result.return_value) == (None, 0), (arguments, result.output)
    digest = Client(real_world()).manifest(image).digest
    (folder / "image.sigstore.json").write_bytes(_image_bundle(sandbox, folder, str(digest)))
    return {
        "BUNDLE": str(folder / "app.bin.sigstore.json"),
        "IMAGE-BUNDLE": str(folder / "image.sigstore.json"),
        "NPM-BUNDLE": str(folder / "npm.sigstore.json"),
        "ARTIFACT": str(artifact),
        "TARBALL": str(tarball),
        "IMAGE": str(image),
        "REPOSITORY": image.name,
        "OWNER/NAME": "acme/app",
        "BUILDER": BUILDER.partition("@")[0],
        "BRANCH": "main",
        "TAG": "v1.2.3",
        "VERSION": "v1.2",
        "VALUE": "3",
        "PURL": purl,
        "RUNNER": "https://github.com/actions/runner/github-hosted",
        "VSA": str(folder / "app.bin.vsa.intoto.jsonl"),
        "KEY": str(folder / "key.pub"),
        "VERIFIER": verifier,
        "RESOURCE": resource,
        "LEVEL": "SLSA_BUILD_LEVEL_3",
        "HEX": "",
        "artifact": hashlib.sha256(b"app").hexdigest(),
        "image": digest.hex,
    }


def _image_bundle(sandbox: Sandbox, folder: Path, digest: str) -> bytes:
    """What was attested about the image, in a file."""
    out = folder / "image-bundle"
    options = ("--digest", f"image={digest}", "--type", "slsaprovenance", "--predicate", str(folder / "generator.json"))
    result = run(sandbox, "attest", *options, "--token-file", str(folder / "token"), "--bundle", str(out))
    assert (result.exception, result.return_value) == (None, 0), result.output
    return read_bundles(out)[0].data


def status_of(sandbox: Sandbox, options: list[str]) -> tuple[int, str]:
    """Exit status with the signer of the page."""
    npm = any("npm.sigstore.json" in one for one in options)
    signer = "https://github.com/acme/app/**" if npm else "https://github.com/slsa-framework/slsa-github-generator/**"
    who = () if "--key" in options else ("--identity-glob", signer, "--issuer", GITHUB_ISSUER)
    typed = "--type" in options or "--provenance" in options or "--key" in options
    kind = () if typed else ("--type", "slsaprovenance")
    result = run(sandbox, "verify", *who, *kind, *options)
    assert result.exception is None, result.exception
    return int(result.return_value or 0), result.output


@pytest.mark.parametrize(("theirs", "ours"), RUN, ids=[theirs.replace("`", "") for theirs, _ in RUN])
def test_row(sandbox: Sandbox, right: dict[str, str], theirs: str, ours: str) -> None:
    """The right value verifies; with any of its values wrong it is refused."""
    values = {**right, "HEX": right["image" if theirs.startswith("verify-image") else "artifact"]}
    del values["image"], values["artifact"]
    status, output = status_of(sandbox, filled(ours, values))
    assert status == 0, output
    for word, wrong in WRONG.items():
        changed = filled(ours, {**values, word: wrong})
        if changed != filled(ours, values):
            assert status_of(sandbox, changed)[0] == 1, (word, changed)


@pytest.mark.parametrize("section", FLAGS)
def test_every_flag_has_a_row(section: str) -> None:
    """The flags of the version that interop runs against."""
    told = {flag for name, theirs, _ in rows() if name == section for flag in re.findall(r"--([A-Za-z0-9-]+)", theirs)}
    assert set(FLAGS[section].split()) <= told


@pytest.mark.parametrize(
    ("delegator", "status"),
    [
        ("delegator_generic_slsa3.yml@refs/tags/v2.1.0", 0),
        ("delegator_lowperms-generic_slsa3.yml@refs/tags/v2.1.0", 0),
        ("delegator_generic_slsa3.yml@refs/heads/main", 1),
    ],
)
def test_builders_of_projects(sandbox: Sandbox, tmp_path: Path, delegator: str, status: int) -> None:
    """BYOB: a released delegator speaks for the builder that it ran; another one does not."""
    builder = "https://github.com/acme/builder/.github/workflows/maven.yml@refs/tags/v1.0.0"
    signer = f"slsa-framework/slsa-github-generator/.github/workflows/{delegator}"
    (tmp_path / "token").write_text(sandbox.token(job_workflow_ref=signer, **TAG))
    (tmp_path / "p.json").write_text(json.dumps(delegated(builder, str(sandbox.issuer.claims["sha"]))))
    (tmp_path / "app").write_bytes(b"app")
    options = (
        "--type",
        "slsaprovenance1",
        "--predicate",
        str(tmp_path / "p.json"),
        "--token-file",
        str(tmp_path / "token"),
    )
    assert run(sandbox, "attest", str(tmp_path / "app"), *options).return_value == 0
    asked = ("--provenance", f"builder={builder}", "--provenance", "level=3", "--provenance", "branch=main")
    result = run(sandbox, "verify", str(tmp_path / "app"), "--repo", "acme/app", *asked)
    assert (result.exception, result.return_value) == (None, status), result.output


@pytest.mark.parametrize("text", ["level=4", "hosted=no", "odd=1", "branch=", "branch"])
def test_malformed(sandbox: Sandbox, right: dict[str, str], text: str) -> None:
    """What is no demand is a usage error."""
    result = run(sandbox, "verify", right["ARTIFACT"], "--repo", "acme/app", "--provenance", text)
    assert getattr(result.exception, "code", "") == "option-malformed"
