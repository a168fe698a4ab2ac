"""``sigstep verify --policy`` on images of the sandbox's registry: every rule over all that is attached."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.flows.test_images import push, run
from tests.sandboxes import sandbox
from tests.unit.refusals import code_of

from sigstep.cli.attest import command as attest
from sigstep.cli.images import save_command
from sigstep.cli.sign import command as sign
from sigstep.cli.verify import command as verify
from sigstep.errors import FormatError, ServiceError
from sigstep.flows.evidence import collect
from sigstep.model.digest import Digest
from sigstep.model.trust import TrustMaterial
from sigstep.oci.client import Client
from sigstep.oci.manifest import Descriptor, Manifest
from sigstep.oci.source import ImageSource, RemoteImage
from sigstep.ports.real import real_world
from sigstep.proofs.prepared import prepare
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

CHECK = "https://acme.example/check/v1"
HEAD = """
schema: sigstep/policy/v1
signers:
  release: {{issuer: "https://token.actions.githubusercontent.com", subject: {{glob: "https://github.com/acme/app/**"}}}}
  other: {{issuer: "https://token.actions.githubusercontent.com", subject: {{glob: "https://github.com/other/**"}}}}
rules:
- {{name: r, images: ["{pattern}"], {rule}}}
"""
SIGNED = "signature: {any-of: [release]}"
ATTESTED = "attestations: [{type: '" + CHECK + "', any-of: [release], where: [{path: predicate.ok, equals: true}]}]"


def judged(sandbox: Sandbox, folder: Path, image: str, rule: str, *options: str, more: str = "") -> tuple[int, str]:
    """Exit status and JSON report of the image under a rule."""
    file = folder / "sigstep.yml"
    file.write_text(HEAD.format(pattern="**", rule=rule) + more)
    trust = ("--trusted-root", str(sandbox.trusted_root_file), "--format", "json")
    return run(sandbox, verify, image, "--policy", str(file), *trust, *options)


@pytest.mark.parametrize("referrers", [True, False])
def test_signatures_and_attestations(sandbox: Sandbox, tmp_path: Path, referrers: bool) -> None:
    """Both are asked for, and each by itself is not enough."""
    sandbox.registry.referrers = referrers
    image = str(push(sandbox, f"judged-{referrers}".lower()))
    assert "policy-signature-missing" in judged(sandbox, tmp_path, image, SIGNED)[1]
    assert run(sandbox, sign, image)[0] == 0
    assert judged(sandbox, tmp_path, image, SIGNED)[0] == 0
    both = f"{SIGNED}, {ATTESTED}"
    status, output = judged(sandbox, tmp_path, image, both)
    assert (status, "policy-attestation-missing" in output) == (1, True)
    (tmp_path / "p.json").write_text(json.dumps({"ok": True}))
    assert run(sandbox, attest, image, "--type", CHECK, "--predicate", str(tmp_path / "p.json"))[0] == 0
    assert judged(sandbox, tmp_path, image, both)[0] == 0
    assert judged(sandbox, tmp_path, image, SIGNED.replace("release", "other"))[0] == 1
    assert judged(sandbox, tmp_path, image, "formats: [legacy], " + SIGNED)[0] == 1
    assert judged(sandbox, tmp_path, image, "formats: [bundle], " + SIGNED)[0] == 0


def test_an_attestation_alone_is_no_signature(sandbox: Sandbox, tmp_path: Path) -> None:
    """The rule's signature is a signature."""
    sandbox.registry.referrers = True
    image = str(push(sandbox, "only-attested"))
    (tmp_path / "p.json").write_text(json.dumps({"ok": False}))
    assert run(sandbox, attest, image, "--type", CHECK, "--predicate", str(tmp_path / "p.json"))[0] == 0
    assert judged(sandbox, tmp_path, image, SIGNED)[0] == 1
    assert judged(sandbox, tmp_path, image, ATTESTED)[0] == 1


@pytest.mark.parametrize(
    ("rule", "more", "status", "word"),
    [
        ("allow: {reason: old, until: 2999-01-01}", "", 0, "policy-allowed"),
        ("deny: {reason: bad}", "", 1, "policy-denied"),
        ("deny: {reason: bad}, mode: warn", "", 0, "policy-denied"),
        ("exclude: ['**'], deny: {reason: bad}", "", 1, "policy-no-rule"),
        ("exclude: ['**'], deny: {reason: bad}", "defaults: {no-match: warn}", 0, "policy-no-rule"),
        ("allow: {reason: old, until: 2999-01-01}", "defaults: {require-digest: true}", 1, "policy-digest-required"),
    ],
)
def test_rules_without_signatures(
    sandbox: Sandbox, tmp_path: Path, rule: str, more: str, status: int, word: str
) -> None:
    """Allowed and denied by name; what no rule names; a tag where a digest is asked for."""
    found, output = judged(sandbox, tmp_path, str(push(sandbox, "plain")), rule, more=more)
    assert (found, word in output) == (status, True)


def test_an_instance_of_the_policy(sandbox: Sandbox, tmp_path: Path) -> None:
    """A policy brings its own trusted root, which counts for signers that name it and for no other."""
    image = str(push(sandbox, "own-instance"))
    assert run(sandbox, sign, image)[0] == 0
    (tmp_path / "corp.json").write_bytes(Path(sandbox.trusted_root_file).read_bytes())
    file = tmp_path / "sigstep.yml"
    text = HEAD.format(pattern="**", rule=SIGNED) + "trust: {corp: {trusted-root: ./corp.json}}\n"
    options = (image, "--policy", str(file), "--trusted-root", str(tmp_path / "other.json"))
    with Sandbox() as other:
        (tmp_path / "other.json").write_bytes(Path(other.trusted_root_file).read_bytes())
    file.write_text(text)

    def status() -> int:  # without the sandbox's environment, which trusts the sandbox itself
        done = CliRunner().invoke(verify, options, standalone_mode=False, catch_exceptions=False)
        return int(done.return_value)

    assert status() == 1
    file.write_text(text.replace("release: {", "release: {trust: corp, "))
    assert status() == 0


def test_saved_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    """The rules go by the name under which a folder is deployed."""
    image = str(push(sandbox, "kept"))
    assert run(sandbox, sign, image)[0] == 0
    assert run(sandbox, save_command, image, str(tmp_path / "kept"))[0] == 0
    folder = str(tmp_path / "kept")
    assert code_of(lambda: judged(sandbox, tmp_path, folder, SIGNED)) == "image-unnamed"
    assert judged(sandbox, tmp_path, folder, SIGNED, "--image-name", "ghcr.io/acme/app", "--offline")[0] == 0
    pinned = "defaults: {require-digest: true}"
    digest = json.loads((tmp_path / "kept" / "index.json").read_text())["manifests"][0]["digest"]

    def named(digest: str) -> tuple[int, str]:
        name = f"ghcr.io/acme/app@{digest}"
        return judged(sandbox, tmp_path, folder, SIGNED, "--image-name", name, "--offline", more=pinned)

    assert named(digest)[0] == 0
    assert code_of(lambda: named(str(Digest.of(b"another")))) == "image-name-digest"


@dataclass(frozen=True)
class Silent:
    """A repository whose registry answers for the image and fails for what is attached to it."""

    inner: ImageSource

    @property
    def name(self) -> str:
        """See `ImageSource`."""
        return self.inner.name

    def manifest(self, digest: Digest | None = None) -> Manifest:
        """See `ImageSource`."""
        return self.inner.manifest(digest)

    def blob(self, descriptor: Descriptor, *, at_most: int) -> bytes:
        """See `ImageSource`."""
        return self.inner.blob(descriptor, at_most=at_most)

    def referrers(self, digest: Digest) -> tuple[Descriptor, ...]:
        """It does not answer."""
        raise ServiceError(code="registry-unavailable", what="it does not answer")

    def legacy(self, digest: Digest, suffix: str) -> Manifest | None:
        """It answers something else."""
        raise FormatError(code="image-manifest", what="it is no manifest")


def test_what_could_not_be_asked_is_told(sandbox: Sandbox) -> None:
    """A registry that does not answer leaves the question open; one that answers nonsense has answered."""
    world = real_world()
    image = push(sandbox, "silent")
    source = RemoteImage(Client(world), image)
    trust = prepare(TrustMaterial(roots=()))
    found = collect(Silent(source), source.manifest().digest, trust, world.clock.now())
    assert found.undecided
    assert [one.code for one in found.findings] == ["registry-unavailable", "image-manifest"]
    assert found.evidence("x").attachments == ()


RECALLS = "schema: sigstep/recalls/v1\nissued: {issued}\n{recalls}"


def test_recall_list(sandbox: Sandbox, tmp_path: Path) -> None:
    """A signed list denies what the rules admit; unsigned, changed, old, or from the future it decides nothing."""
    image = push(sandbox, "recalled")
    assert run(sandbox, sign, str(image))[0] == 0
    more = "recall-list: {file: recalls.yml, signed-by: [release], max-age: 7d}"
    now = real_world().clock.now()

    def issue(at: str, recalls: str = "") -> None:
        (tmp_path / "recalls.yml.sigstore.json").unlink(missing_ok=True)
        (tmp_path / "recalls.yml").write_text(RECALLS.format(issued=at, recalls=recalls))
        assert run(sandbox, sign, str(tmp_path / "recalls.yml"))[0] == 0

    def found() -> tuple[int, str]:
        return judged(sandbox, tmp_path, str(image), SIGNED, more=more)

    assert code_of(found) == "policy-unreadable"
    issue(f"{now:%Y-%m-%dT%H:%M:%SZ}")
    assert found()[0] == 0
    issue(f"{now:%Y-%m-%dT%H:%M:%SZ}", "recalls: [{repository-id: '1', reason: x, date: 2026-01-01}]")
    assert found()[0] == 0
    identity = "identity: {issuer: 'https://token.actions.githubusercontent.com', subject: {glob: '**'}}"
    issue(f"{now:%Y-%m-%dT%H:%M:%SZ}", "recalls: [{" + identity + ", from: 2020-01-01, reason: x, date: 2026-01-01}]")
    status, output = found()
    assert (status, "policy-recalled" in output) == (1, True)
    (tmp_path / "recalls.yml").write_text(RECALLS.format(issued=f"{now:%Y-%m-%dT%H:%M:%SZ}", recalls=""))
    assert code_of(found) == "recalls-unsigned"
    (tmp_path / "recalls.yml.sigstore.json").unlink()
    assert code_of(found) == "recalls-unsigned"
    attested = ("--type", CHECK, "--predicate", str(tmp_path / "p.json"))
    (tmp_path / "p.json").write_text("{}")
    assert run(sandbox, attest, str(tmp_path / "recalls.yml"), *attested)[0] == 0
    assert code_of(found) == "recalls-unsigned", "an attestation about the list is no signature"
    issue(f"{now - timedelta(days=8):%Y-%m-%dT%H:%M:%SZ}")
    status, output = found()
    assert (status, "policy-recalls-stale" in output) == (4, True)
    issue(f"{now + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}")
    assert code_of(found) == "recalls-future"
