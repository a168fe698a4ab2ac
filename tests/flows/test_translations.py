"""Every row of docs/how-to/from-other-verifiers.md: it verifies with the right value and refuses a wrong one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.flows.desk import Desk, Json, x509_pem
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle

from sigstep.sandbox.claims import GITHUB_ISSUER
from sigstep.sandbox.local import Sandbox

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "from-other-verifiers.md"
FLAGS = {
    "cosign verify-blob and verify-blob-attestation": """bundle certificate-github-workflow-name certificate-github-workflow-ref
        certificate-github-workflow-repository certificate-github-workflow-sha certificate-github-workflow-trigger certificate-identity
        certificate-identity-regexp certificate-oidc-issuer certificate-oidc-issuer-regexp check-claims digest digestAlg insecure-ignore-sct
        insecure-ignore-tlog key max-workers sk slot trusted-root type use-signed-timestamps output-file timeout verbose signature certificate
        certificate-chain ca-roots ca-intermediates timestamp-certificate-chain rfc3161-timestamp sct rekor-url offline
        private-infrastructure new-bundle-format experimental-oci11""",
    "gh attestation verify": """bundle bundle-from-oci cert-identity cert-identity-regex cert-oidc-issuer custom-trusted-root
        deny-self-hosted-runners digest-alg format hostname jq limit no-public-good owner predicate-type repo signer-digest signer-repo
        signer-workflow source-digest source-ref template""",
    "sigstore verify identity and verify github": """certificate cert signature bundle offline cert-identity cert-oidc-issuer
        trigger sha name repository ref verbose staging instance trust-config rekor-url rekor-root-pubkey certificate-chain""",
}


def rows() -> Iterator[tuple[str, str, str]]:
    """Section, options of the other tool, and what stands beside them."""
    section = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            section = line[3:]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `--"):
            yield section, cells[0], cells[1]


RUN = [(theirs, ours.strip("`")) for _, theirs, ours in rows() if not ours.startswith("nothing:")]
WRONG = {
    "ID": "https://github.com/other/app/.github/workflows/x.yml@refs/heads/main",
    "ISSUER": "https://issuer.example",
    "REGEX": "https://github.com/acme",  # anchored: a prefix is not enough
    "ISSUER-REGEX": "https://token",
    "NAME": "other",
    "REF": "refs/heads/other",
    "SHA": "00" * 20,
    "EVENT": "schedule",
    "OWNER": "other",
    "HEX": "00" * 32,
}


@pytest.fixture(scope="module")
def bundles(sandbox: Sandbox) -> dict[bool, Json]:
    """A message signature and an attestation (True)."""
    return {one: oracle_bundle(sandbox, rekor=1, statement=one) for one in (False, True)}


@pytest.fixture
def desk(tmp_path: Path, sandbox: Sandbox, bundles: dict[bool, Json]) -> Desk:
    """The artifact with its bundles beside it."""
    desk = Desk(tmp_path, sandbox)
    for kind, bundle in bundles.items():
        desk.bundle(f".{kind}.sigstore.json", bundle)
    return desk


def values(desk: Desk, bundle: Json) -> dict[str, str]:
    """The right value of every word in capitals."""
    claims, environ = desk.sandbox.issuer.claims, desk.sandbox.environ()
    owner, _, name = environ["GITHUB_REPOSITORY"].partition("/")
    material = bundle["verificationMaterial"]
    stamp = material["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"]
    return {
        "ID": f"https://github.com/{claims['job_workflow_ref']}",
        "ISSUER": GITHUB_ISSUER,
        "REGEX": "https://github.com/acme/.*",
        "ISSUER-REGEX": "https://token[.]actions[.].*",
        "OWNER/NAME": f"{owner}/{name}",
        "OWNER": owner,
        "NAME": str(claims["workflow"]),
        "REF": str(claims["ref"]),
        "SHA": str(claims["sha"]),
        "EVENT": str(claims["event_name"]),
        "HEX": hashlib.sha256(ARTIFACT).hexdigest(),
        "BUNDLE": str(desk.bundle(".copy", bundle)),
        "ROOT": str(desk.sandbox.trusted_root_file),
        "CONFIG": str(desk.sandbox.trust_config_file),
        "SIGNATURE": str(desk.file("a.sig", bundle["messageSignature"]["signature"])),
        "CERTIFICATE": str(desk.file("a.pem", x509_pem(material["certificate"]["rawBytes"]))),
        "STAMP": str(desk.file("a.tsr", base64.b64decode(stamp))),
    }


def filled(options: str, given: dict[str, str]) -> list[str]:
    """The options with values for the words in capitals, the longest first."""
    words = sorted(given, key=len, reverse=True)
    pattern = re.compile(r"(?<![A-Za-z-])(" + "|".join(map(re.escape, words)) + r")(?![A-Za-z-])")
    return [pattern.sub(lambda match: given[match[1]], one) for one in options.split()]


def run(desk: Desk, options: list[str]) -> tuple[int, str]:
    """The command, with a signer, a trusted root and the artifact where the row names none."""
    names = set(options)
    signers = {
        "--identity",
        "--identity-regexp",
        "--identity-glob",
        "--key",
        "--repo",
        "--owner",
        "--signer-workflow",
        "--extension",
    }
    anyone = [] if names & signers else ["--any-signer-unsafe", "the row asks for something else"]
    digest = any(one.startswith("sha256:") for one in options)
    bundle = ["--bundle", str(desk.folder / "artifact.bin.True.sigstore.json")] if digest else []
    root = not names & {"--trusted-root", "--trust-config"}
    online = set() if "--signature" in names else {"--offline"}
    target = [] if digest else [desk.artifact]
    return desk.run(*(online - names), *anyone, *bundle, *options, *target, root=root)


@pytest.mark.parametrize(("theirs", "ours"), RUN, ids=[theirs.replace("`", "") for theirs, _ in RUN])
def test_row(desk: Desk, bundles: dict[bool, Json], theirs: str, ours: str) -> None:
    """The right value verifies; with any of its values wrong it is refused."""
    if ours == "--key KEY":
        by_key(desk)
        return
    right = values(desk, bundles[False])
    status, output = run(desk, filled(ours, right))
    assert status == 0, output
    for word in WRONG:
        changed = filled(ours, {**right, word: WRONG[word], **({"OWNER/NAME": "other/app"} if word == "OWNER" else {})})
        if changed != filled(ours, right):
            assert run(desk, changed)[0] == 1, (word, changed)


def by_key(desk: Desk) -> None:
    """`--key`: the key that signed, and another one."""
    key = ec.generate_private_key(ec.SECP256R1())
    signature = desk.file("by-key.sig", base64.b64encode(key.sign(ARTIFACT, ec.ECDSA(hashes.SHA256()))))
    for one, status in ((key, 0), (ec.generate_private_key(ec.SECP256R1()), 1)):
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = desk.file("key.pem", one.public_key().public_bytes(serialization.Encoding.PEM, form))
        assert desk.run("--key", pem, "--signature", signature, desk.artifact)[0] == status


def test_an_enterprise_issuer(desk: Desk) -> None:
    """`--hostname` names server and issuer of a tenant; `--issuer` an enterprise's own."""
    found = json.loads(desk.run("--format", "json", "--repo", "a/b", "--hostname", "octo.ghe.com", desk.artifact)[1])
    assert "token.actions.octo.ghe.com" in found["verdicts"][0]["findings"][0]["why"]
    status, output = desk.run("--repo", "acme/app", "--issuer", f"{GITHUB_ISSUER}/acme", desk.artifact)
    assert (status, "/acme" in output) == (1, True)


@pytest.mark.parametrize("section", FLAGS)
def test_every_option_has_a_row(section: str) -> None:
    """The flag sets of the versions that interop runs against, and those of older versions."""
    told = {flag for name, theirs, _ in rows() if name == section for flag in re.findall(r"--([A-Za-z0-9-]+)", theirs)}
    assert set(FLAGS[section].split()) <= told
