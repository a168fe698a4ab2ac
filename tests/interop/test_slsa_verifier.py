"""Against slsa-verifier: it takes our summaries, and sigstep reads and judges the provenance of its test data."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.flows.main_line import run
from tests.flows.test_from_slsa_verifier import rows
from tests.interop.tools import source, tool
from tests.sandboxes import sandbox

from sigstep.cli.verify import command
from sigstep.errors import FormatError, SigstepError
from sigstep.flows.bundles import read_claims
from sigstep.flows.summaries import demand
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.flows.verify import VerifyRequest, verify
from sigstep.model.bundle import Envelope
from sigstep.model.verdict import Outcome
from sigstep.policy.provenance import ProvenanceFrom
from sigstep.policy.rule import any_signer_unsafe
from sigstep.ports.real import real_world
from sigstep.predicates import slsa_provenance
from sigstep.sandbox.local import Sandbox
from sigstep.wire.statement import parse_statement

__all__ = ["sandbox"]
VERIFIER, RESOURCE = "https://verifier.example", "pkg:generic/app"
FAMILIES = {  # folder of the test data: at least so many provenances
    "gha_go": 60,
    "gha_generic": 50,
    "gha_container-based": 20,
    "gha_delegator": 12,
    "gha_maven": 12,
    "gha_gradle": 12,
    "npm": 10,
    "bcr": 2,
}


@pytest.fixture(scope="module")
def data() -> Path:
    """Its test data."""
    return source("slsa-verifier") / "cli" / "slsa-verifier" / "testdata"


def files_of(folder: Path) -> Iterator[Path]:
    """Files that may hold provenance."""
    yield from (one for one in sorted(folder.rglob("*")) if one.suffix in (".jsonl", ".slsa", ".json", ".sigstore"))


@pytest.mark.parametrize("family", FAMILIES)
def test_provenance_is_read(data: Path, family: str) -> None:
    """Generator builders v1 and v2, container-based, BYOB, Maven, Gradle, npm: builder, source and commit are told."""
    read = 0
    for file in files_of(data / family):
        for claim in read_claims(file):
            content = claim.signed.bundle.content
            assert isinstance(content, Envelope)
            statement = parse_statement(content.payload)
            if statement.predicate_type not in slsa_provenance.SlsaProvenance.uris:
                continue
            build = slsa_provenance.read(statement.predicate_type, statement.predicate or {})
            assert build.builder_id.startswith("https://"), file
            assert re.fullmatch(r"git\+https://.*", build.source_uri), file
            assert re.fullmatch(r"[0-9a-f]{40}", build.source_commit), file
            read += 1
    assert read >= FAMILIES[family]


def test_provenance_agrees_with_its_certificate(data: Path) -> None:
    """Every bundle that verifies has provenance that its certificate confirms, but what slsa-verifier refuses too."""
    world = real_world()
    trust = load_trust(TrustRequest(offline=True), world)
    seen = Counter[tuple[str, str]]()
    for file in files_of(data):
        artifact = Path(re.sub(r"(\.build\.slsa|\.intoto\.jsonl|\.sigstore)$", "", str(file)))
        if artifact == file or not artifact.is_file():
            continue
        try:
            if not read_claims(file)[0].signed.bundle.entries:
                continue  # its entry has to be looked for in the log
        except FormatError:
            continue
        rule = any_signer_unsafe(reason="only what provenance says is looked at")
        report = verify(VerifyRequest(targets=(artifact,), rule=rule, trust=trust, bundles=(file,)), world)
        assert report.verdicts[0].outcome is Outcome.ACCEPTED, file
        verdict = demand(report, (ProvenanceFrom(),), world).verdicts[0]
        why = "" if verdict.outcome is Outcome.ACCEPTED else verdict.findings[0].why
        refused = "unreleased" if "/delegator_" in why else "another workflow" if why else ""
        seen[verdict.outcome.value, refused] += 1
    assert seen["accepted", ""] >= 50
    # a delegator that is not released, and a workflow that claims to be a publisher
    assert set(seen) == {("accepted", ""), ("refused", "unreleased"), ("refused", "another workflow")}


@pytest.fixture
def summary(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A folder with an artifact, a key, and a summary signed with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*private))
    (tmp_path / "key.pub").write_bytes(key.public_key().public_bytes(*public))
    artifact = tmp_path / "app"
    artifact.write_bytes(b"app")
    assert run(sandbox, "attest", str(artifact)).return_value == 0
    options = ("--attest-summary", "--verifier-id", VERIFIER, "--resource-uri", RESOURCE)
    result = run(
        sandbox, "verify", str(artifact), "--repo", "acme/app", *options, "--summary-key", str(tmp_path / "key.pem")
    )
    assert (result.exception, result.return_value) == (None, 0), result.output
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 0),
        ({"--verified-level": "SLSA_BUILD_LEVEL_1"}, 0),
        ({"--verified-level": "SLSA_BUILD_LEVEL_3"}, 1),
        ({"--verifier-id": "https://other.example"}, 1),
        ({"--resource-uri": "pkg:generic/other"}, 1),
        ({"--subject-digest": "sha256:" + "0" * 64}, 1),
    ],
)
def test_it_takes_our_summary(summary: Path, changed: dict[str, str], status: int) -> None:
    """`slsa-verifier verify-vsa` accepts what sigstep signed, and refuses another demand."""
    digest = "a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333"  # of b"app"
    options = {
        "--attestation-path": str(summary / "app.vsa.intoto.jsonl"),
        "--public-key-path": str(summary / "key.pub"),
        "--verifier-id": VERIFIER,
        "--resource-uri": RESOURCE,
        "--subject-digest": f"sha256:{digest}",
        "--verified-level": "SLSA_BUILD_LEVEL_2",
        **changed,
    }
    arguments = [part for pair in options.items() for part in pair]
    command = [tool("slsa-verifier"), "verify-vsa", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr


def test_we_read_theirs(data: Path) -> None:
    """A summary of a key management service: its raw signature holds, and its subject is no artifact."""
    folder = data / "vsa" / "gce" / "v1"
    trusted = ("--offline", "--key", str(folder / "vsa_signing_public_key.pem"))
    bundle = ("--bundle", str(folder / "gke-gce-pre.bcid-vsa.jsonl"))

    result = CliRunner().invoke(command, [*trusted, *bundle, "sha256:" + "0" * 64], standalone_mode=False)
    assert not isinstance(result.exception, SigstepError)
    assert (result.return_value, "subject-mismatch" in result.output) == (1, True), result.output


@pytest.mark.parametrize("name", ["artifact", "image", "npm-package", "vsa", "github-attestation"])
def test_every_option_has_a_row(name: str) -> None:
    """The how-to has every flag that the program lists."""
    done = subprocess.run(
        [tool("slsa-verifier"), f"verify-{name}", "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    listed = set(re.findall(r"^ +(?:-\w, )?--([A-Za-z0-9-]+)", done.stdout + done.stderr, re.MULTILINE)) - {"help"}
    told = {
        flag
        for section, theirs, _ in rows()
        if section == f"verify-{name}"
        for flag in re.findall(r"--([\w-]+)", theirs)
    }
    assert listed
    assert listed <= told
