"""What hangs on every attestation is not decided where one may be hidden: files, images, GitHub's API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.flows.test_images import push
from tests.flows.test_images import run as called
from tests.flows.test_online import TYPE, attested, box, run, stores
from tests.flows.test_policy_images import CHECK, judged
from tests.sandboxes import sandbox

from sigstep.cli.attest import command as attest
from sigstep.cli.verify import command as verify_command
from sigstep.errors import FormatError, ServiceError, SigstepError
from sigstep.flows.policies import open_policy
from sigstep.flows.trust import TrustRequest, load_trust
from sigstep.flows.verify import VerifyRequest, verify
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Outcome
from sigstep.oci.client import Client
from sigstep.oci.referrers import list_referrers
from sigstep.oci.source import RemoteImage
from sigstep.ports.real import real_world
from sigstep.ports.store import Found
from sigstep.ports.world import World
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox

__all__ = ["box", "sandbox"]

POLICY = """schema: sigstep/policy/v1
signers:
  release: {{issuer: "https://token.actions.githubusercontent.com", subject: {{glob: "https://github.com/acme/app/**"}}}}
rules: [{{name: r, blobs: ["**"], attestations: [{{type: "{type}", any-of: [release]{demand}}}]}}]
{more}
"""
COMMIT = "recalls: [{commit: c0ffee, reason: leak, date: 2026-01-01}]"
DIGEST = "recalls: [{digest: 'sha256:" + "0" * 64 + "', reason: leak, date: 2026-01-01}]"
ABOUT_ALL = [(", exactly-one: true", ""), (", each: every", ""), ("", COMMIT)]
ABOUT_ONE = [("", ""), ("", DIGEST), (", where: [{path: predicate.a, equals: b}]", "")]
OUTAGE = ServiceError(code="service-unavailable", what="it does not answer")
NONSENSE = FormatError(code="image-manifest", what="it is no manifest")


class Place:
    """A place that has bundles, or fails."""

    def __init__(self, *found: Found, error: SigstepError | None = None) -> None:
        self.found, self.error = found, error
        self.name = "a place"

    def find(self, subjects: Sequence[Subject], world: World) -> Mapping[Digest, tuple[Found, ...]]:
        """See `Finder.find`."""
        if self.error is not None:
            raise self.error
        return {digest: self.found for one in subjects for digest in one.digests}


def written(folder: Path, demand: str, more: str) -> Path:
    """The policy file."""
    file = folder / "sigstep.yml"
    file.write_text(POLICY.format(type=TYPE, demand=demand, more=more))
    return file


@pytest.mark.parametrize(("demand", "more"), [*ABOUT_ALL, *ABOUT_ONE])
def test_files(box: Sandbox, tmp_path: Path, demand: str, more: str) -> None:
    """A place that fails, with an outage or with nonsense, before or after the one that has a good attestation."""
    path = attested(box, tmp_path)
    bundle = (tmp_path / "elsewhere" / "app.whl.sigstore.json").read_bytes()
    good = Place(Found(source="good", data=bundle))
    world = real_world()
    opened = open_policy(written(tmp_path, demand, more))
    trust = load_trust(TrustRequest(trust_config=box.trust_config_file), world)

    def outcome(*places: Place) -> tuple[Outcome, set[str]]:
        request = VerifyRequest(targets=(path,), rule=opened.rule, trust=trust, policy=opened, finders=places)
        (verdict,) = verify(request, world).verdicts
        return verdict.outcome, {one.code for one in verdict.findings}

    assert outcome(good)[0] is Outcome.ACCEPTED
    assert outcome(good, Place())[0] is Outcome.ACCEPTED
    hangs = (demand, more) in ABOUT_ALL
    for error in (OUTAGE, NONSENSE):
        failing = Place(error=error)
        for places in ((failing, good), (good, failing)):
            found, codes = outcome(*places)
            assert found is (Outcome.UNDECIDED if hangs else Outcome.ACCEPTED), (places, codes)
            assert not hangs or {"evidence-incomplete", error.code} <= codes


@pytest.mark.parametrize("demand", [", exactly-one: true", ", each: every", ""])
def test_github_beside_a_bundle(box: Sandbox, tmp_path: Path, demand: str) -> None:
    """A place that is named is asked although what is beside the file is enough, where another could matter."""
    path = attested(box, tmp_path, stores(box)[0])
    bundle = tmp_path / "elsewhere" / "app.whl.sigstore.json"
    bundle.rename(tmp_path / "app.whl.sigstore.json")
    policy = ("--policy", written(tmp_path, demand, ""), "--github", "acme/app")
    assert run(box, "verify", path, *policy)[0] == 0, "one attestation in two places is one"
    box.faults.set("github", Fault(kind="status", status=400))
    status, output = run(box, "verify", path, *policy)
    assert (status, "evidence-incomplete" in output) == ((4, True) if demand else (0, False)), output
    assert run(box, "verify", path, *policy[:2])[0] == 0, "where no place is named, none is missing"
    box.faults.clear()
    attested(box, tmp_path, stores(box)[0])  # a second one, at GitHub alone
    status, output = run(box, "verify", path, *policy)
    assert (status, "attestation-not-unique" in output) == ((1, True) if "exactly" in demand else (0, False)), output


@pytest.mark.parametrize("error", [OUTAGE, NONSENSE])
@pytest.mark.parametrize("silent", ["legacy", "referrers"])
def test_images(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: str, error: SigstepError
) -> None:
    """One of the two lists of what is attached cannot be read, the other one has a good attestation."""
    image = str(push(sandbox, f"half-{silent}-{error.code}"))
    (tmp_path / "p.json").write_text('{"ok": true}')
    form = "bundle" if silent == "legacy" else "legacy"
    made = ("--type", CHECK, "--predicate", str(tmp_path / "p.json"), "--attach-as", form)
    assert called(sandbox, attest, image, *made)[0] == 0
    wanted = "attestations: [{type: '" + CHECK + "', any-of: [release]DEMAND}]"

    def status(demand: str, more: str) -> tuple[int, bool]:
        found, output = judged(sandbox, tmp_path, image, wanted.replace("DEMAND", demand), more=more)
        return found, "evidence-incomplete" in output

    everything = [*ABOUT_ALL, *ABOUT_ONE[:2]]
    assert [status(*one) for one in everything] == [(0, False)] * 5

    def fails(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(RemoteImage, silent, fails)
    assert [status(*one) for one in everything] == [(4, True)] * 3 + [(0, False)] * 2
    assert judged(sandbox, tmp_path, image, "deny: {reason: bad}")[0] == 1, "a denial needs no evidence"
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--identity-glob", "**", "--issuer-regexp", ".*")
    assert called(sandbox, verify_command, image, *trust, "--type", CHECK)[0] == 0


def test_an_attestation_whose_bytes_are_changed_on_the_way(sandbox: Sandbox, tmp_path: Path) -> None:
    """It is listed and cannot be read: whoever changes it must not make the other one the only one."""
    image = push(sandbox, "changed-on-the-way")
    (tmp_path / "p.json").write_text('{"ok": true}')
    made = ("--type", CHECK, "--predicate", str(tmp_path / "p.json"))
    wanted = "attestations: [{type: '" + CHECK + "', any-of: [release], exactly-one: true}]"
    for status in (0, 1):
        assert called(sandbox, attest, str(image), *made)[0] == 0
        assert judged(sandbox, tmp_path, str(image), wanted)[0] == status
    client = Client(real_world())
    referrer = list_referrers(client, image, client.manifest(image).digest)[0]
    layer = client.manifest(image.at(referrer.digest)).layers[0]
    data = client.blob(image, layer, at_most=1 << 20)
    sandbox.registry.replaced = {str(layer.digest): data[:-1] + b"x"}
    try:
        status, output = judged(sandbox, tmp_path, str(image), wanted)
    finally:
        sandbox.registry.replaced = {}
    assert (status, "evidence-incomplete" in output, "registry-digest-mismatch" in output) == (4, True, True), output


def test_demands_of_the_command_line(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--accept-summary`` takes the latest summary: all are looked at, and a place that fails leaves it open."""
    image = str(push(sandbox, "summaries-hidden"))
    uri = "https://slsa.dev/verification_summary/v1"
    said = {
        "verifier": {"id": "https://verifier.example"},
        "timeVerified": "2026-01-01T00:00:00Z",
        "resourceUri": "oci://app",
        "policy": {"uri": "p"},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_2"],
    }
    (tmp_path / "p.json").write_text(json.dumps(said))
    made = ("--type", uri, "--predicate", str(tmp_path / "p.json"))
    assert called(sandbox, attest, image, *made)[0] == 0
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app", "--format", "json")
    asked = (image, *trust, "--accept-summary", "https://verifier.example")
    assert called(sandbox, verify_command, *asked)[0] == 0
    with monkeypatch.context() as patched:

        def fails(*arguments: object) -> None:
            raise OUTAGE

        patched.setattr(RemoteImage, "legacy", fails)
        status, output = called(sandbox, verify_command, *asked)
    assert (status, "evidence-incomplete" in output) == (4, True), output
    (tmp_path / "p.json").write_text(
        json.dumps({**said, "verificationResult": "FAILED", "timeVerified": "2026-01-02T00:00:00Z"})
    )
    assert called(sandbox, attest, image, *made, "--attach-as", "legacy")[0] == 0
    status, output = called(sandbox, verify_command, *asked)
    assert (status, "summary-mismatch" in output) == (1, True), output
