"""``sigstep policy from-image``, ``export`` and ``convert``, on images of the sandbox's registry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.attached import WORKFLOW, Maker
from tests.flows.test_images import push, run
from tests.sandboxes import sandbox
from tests.unit.refusals import code_of
from tests.unit.services.test_rego import Programs

from sigstep.cli.policy import group
from sigstep.cli.sign import command as sign
from sigstep.engines import ENGINES
from sigstep.engines.kyverno.engine import Kyverno
from sigstep.flows.engine_policies import engine_of
from sigstep.oci.client import Client
from sigstep.policy.document import load_policy
from sigstep.policy.engine import Export, Wanted
from sigstep.ports.real import real_world
from sigstep.sandbox.local import Sandbox
from sigstep.stores.referrers import publish
from sigstep.wire.bundle import encode_bundle

__all__ = ["sandbox"]


def called(sandbox: Sandbox, *arguments: str) -> tuple[int, str, str]:
    """Exit status, output and error output of ``sigstep policy``."""
    result = CliRunner(env=sandbox.environ()).invoke(group, arguments, standalone_mode=False, catch_exceptions=False)
    return result.return_value or 0, result.stdout, result.stderr


def trust(sandbox: Sandbox) -> tuple[str, str]:
    """The option that names the sandbox's trusted root."""
    return "--trusted-root", str(sandbox.trusted_root_file)


@pytest.fixture(scope="module")
def image(sandbox: Sandbox) -> str:
    """A signed image."""
    made = str(push(sandbox, "proposed"))
    assert run(sandbox, sign, made)[0] == 0
    return made


@pytest.fixture(scope="module")
def proposal(sandbox: Sandbox, image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policy file that is proposed for it."""
    status, text, _ = called(sandbox, "from-image", image, *trust(sandbox))
    assert status == 0
    file = tmp_path_factory.mktemp("policy") / "sigstep.yml"
    file.write_text(text)
    return file


def test_what_is_proposed(sandbox: Sandbox, image: str) -> None:
    """Exactly the observed signer; another ref only where it is asked for, anchored; who could enforce it."""
    status, text, told = called(sandbox, "from-image", image, *trust(sandbox))
    policy = load_policy(text.encode())
    (signer,) = policy.signers.values()
    assert signer.identity is not None
    assert signer.identity.subject is not None
    assert (status, signer.identity.subject.kind) == (0, "exact")
    assert policy.rules[0].images == (image.rpartition(":")[0],)
    assert policy.rules[0].formats == ("bundle",)
    assert "found: bundle by" in told
    for engine in ENGINES:
        assert f"{engine}: " in told
    assert "gatekeeper: would admit it" in told
    assert "connaisseur: connaisseur cannot be told" in told
    _, text, _ = called(sandbox, "from-image", image, "--any-ref", *trust(sandbox))
    (signer,) = load_policy(text.encode()).signers.values()
    assert signer.identity is not None
    assert str(signer.identity.subject).endswith("@refs/(?:heads|tags)/.+")


def test_nothing_is_proposed_for_strangers(sandbox: Sandbox, image: str) -> None:
    """Not what is unsigned, not what an unknown signer made, not one of two."""
    plain = str(push(sandbox, "unsigned"))
    assert code_of(lambda: called(sandbox, "from-image", plain, *trust(sandbox))) == "proposal-unsigned"
    named = ("--identity", "https://github.com/evil/app", *trust(sandbox))
    assert code_of(lambda: called(sandbox, "from-image", image, *named)) == "proposal-unsigned"


def test_nothing_is_proposed_for_one_of_two(sandbox: Sandbox) -> None:
    """Who may push can attach: a stranger's signature beside the maintainer's needs a word on who is meant."""
    image = push(sandbox, "two-signers")
    client, maker = Client(real_world()), Maker(sandbox)
    manifest = client.manifest(image)
    for repository in ("acme/app", "evil/app"):
        signed = maker.statement(manifest.digest, repository=repository)
        publish(client, image, manifest, encode_bundle(signed.bundle))
    options = ("from-image", str(image), *trust(sandbox))
    assert code_of(lambda: called(sandbox, *options)) == "proposal-ambiguous"
    status, text, _ = called(sandbox, *options, "--identity", WORKFLOW)
    assert (status, WORKFLOW in text, "evil" in text) == (0, True, False)


@pytest.mark.parametrize("engine", ["policy-controller", "kyverno", "gatekeeper"])
def test_exports_are_tried_before_they_are_written(
    sandbox: Sandbox, image: str, proposal: Path, tmp_path: Path, engine: str
) -> None:
    """The image it was made from is admitted; an image that is not signed is refused, and nothing is written."""
    options = ("export", str(proposal), "--engine", engine, *trust(sandbox))
    status, _, told = called(sandbox, *options, "--image", image, "--out", str(tmp_path / "out"))
    assert status == 0
    assert list((tmp_path / "out").iterdir())
    assert "note: " in told
    unsigned = str(push(sandbox, "other"))
    folder = tmp_path / "none"
    proposal_of_other = tmp_path / "p.yml"
    proposal_of_other.write_text(proposal.read_text().replace("/proposed", "/other"))
    options = ("export", str(proposal_of_other), "--engine", engine, *trust(sandbox))
    named = ("--image", unsigned, "--out", str(folder))
    assert code_of(lambda: called(sandbox, *options, *named)) == "export-denies-image"
    assert not folder.exists()
    assert "tried on no image" in called(sandbox, *options)[2]


def test_an_image_that_cannot_be_tried(
    sandbox: Sandbox, image: str, proposal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gatekeeper's rules are Rego: where nothing evaluates it, nothing is written unless it is asked for untried."""
    bare = replace(real_world(), process=Programs(lie="no regorus"))
    monkeypatch.setattr("sigstep.cli.policy_engines.real_world", lambda: bare)
    options = ("export", str(proposal), "--engine", "gatekeeper", "--out", str(tmp_path / "out"), *trust(sandbox))
    assert code_of(lambda: called(sandbox, *options, "--image", image)) == "export-undecided"
    assert not (tmp_path / "out").exists()
    assert called(sandbox, *options)[0] == 0


def test_an_export_that_says_something_else(
    sandbox: Sandbox, proposal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer with a defect, here one that lets every workflow of GitHub sign, is caught by reading what it wrote."""
    honest = Kyverno.export

    def wider(self: Kyverno, wanted: Wanted) -> Export:
        made = honest(self, wanted)
        files = [replace(one, data=one.data.replace(WORKFLOW.encode(), b"https://github.com/*")) for one in made.files]
        assert tuple(files) != made.files
        return replace(made, files=tuple(files))

    monkeypatch.setattr(Kyverno, "export", wider)
    options = ("--engine", "kyverno", "--out", str(tmp_path / "out"), *trust(sandbox))
    assert code_of(lambda: called(sandbox, "export", str(proposal), *options)) == "export-differs"
    assert not (tmp_path / "out").exists()


def test_an_engine_that_reads_no_bundles(sandbox: Sandbox, image: str, proposal: Path) -> None:
    """What cannot be said is refused; what can be said and would not admit the image is not written."""
    options = ("--engine", "connaisseur", *trust(sandbox))
    assert code_of(lambda: called(sandbox, "export", str(proposal), *options)) == "export-impossible"
    wider = proposal.with_name("wider.yml")
    wider.write_text(proposal.read_text().replace("  formats:\n  - bundle\n", ""))
    assert code_of(lambda: called(sandbox, "export", str(wider), *options, "--image", image)) == "export-denies-image"
    assert called(sandbox, "export", str(wider), *options)[0] == 0


@pytest.mark.parametrize("engine", ["policy-controller", "kyverno", "gatekeeper"])
def test_convert(sandbox: Sandbox, proposal: Path, tmp_path: Path, engine: str) -> None:
    """There and back, and on to another engine; losses are told a line each."""
    folder = tmp_path / "out"
    assert called(sandbox, "export", str(proposal), "--engine", engine, "--out", str(folder), *trust(sandbox))[0] == 0
    files = sorted(str(one) for one in folder.glob("*.yaml"))
    status, text, told = called(sandbox, "convert", "--from", engine, *files, *trust(sandbox))
    assert status == 0
    policy = load_policy(text.encode())
    assert policy.no_match == "deny"
    assert [rule.images for rule in policy.rules] == [load_policy(proposal.read_bytes()).rules[0].images]
    others = ("policy-controller", "kyverno")
    for other in others:
        status, text, told = called(sandbox, "convert", "--from", engine, "--to", other, *files, *trust(sandbox))
        assert (status, "apiVersion" in text, told.startswith(("note: ", "refused: "))) == (0, True, True)


def test_convert_refuses_what_it_cannot_say(sandbox: Sandbox, tmp_path: Path) -> None:
    """By name, with every part."""
    file = tmp_path / "p.yaml"
    file.write_text(
        "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: a}\nspec:\n  images: [{glob: '**'}]\n"
        "  authorities: [{name: a, static: {action: pass}}]\n"
    )
    assert code_of(lambda: called(sandbox, "convert", "--from", "policy-controller", str(file))) == "import-impossible"


def test_saved_images_need_a_name(sandbox: Sandbox, proposal: Path, tmp_path: Path) -> None:
    """Rules go by it."""
    options = ("--engine", "kyverno", "--image", str(tmp_path), *trust(sandbox))
    assert code_of(lambda: called(sandbox, "export", str(proposal), *options)) == "image-unnamed"


def test_unknown_engines() -> None:
    """Named by what is known."""
    assert code_of(lambda: engine_of("portieris")) == "engine-unknown"
