"""The library's doors, and its how-to, through the sandbox."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.flows.test_images import push
from tests.sandboxes import sandbox
from tests.unit.refusals import code_of

import sigstep
from sigstep import Incomplete, NothingToExamine, Refused, SigningOptions, TrustRequest
from sigstep.flows.image_copies import save
from sigstep.oci.client import Settings
from sigstep.oidc.github import GitHubActions
from sigstep.ports.real import real_world
from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "library.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def job(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a job of GitHub Actions has it, with the trust files of the sandbox."""
    for name, value in sandbox.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trusted_root.json").write_bytes(sandbox.trusted_root_file.read_bytes())
    (tmp_path / "trust_config.json").write_bytes(sandbox.trust_config_file.read_bytes())
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "app.whl").write_text("app\n")
    return tmp_path


def test_the_how_to(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its blocks run: verify refuses before anything is signed, and verifies afterwards."""
    verifying, signing, _ = BLOCKS
    with pytest.raises(Refused) as caught:
        exec(verifying, {})
    assert (caught.value.code, caught.value.exit_code) == ("no-bundle", 1)
    exec(signing, {})
    exec(verifying, {})
    assert capsys.readouterr().out.splitlines()[-1].startswith("app.whl was signed by https://github.com/acme/app/")


def test_what_is_not_complete_is_raised(job: Path, sandbox: Sandbox) -> None:
    """The result stays at hand."""
    trust = TrustRequest(trust_config=job / "trust_config.json")
    options = SigningOptions(trust=trust, sources=(GitHubActions(),), retry_seconds=0)
    (job / "dist" / "other.whl").write_text("other\n")
    sandbox.faults.set("rekor-v1", Fault(kind="status", status=500, times=1))
    try:
        with pytest.raises(Incomplete) as caught:
            sigstep.sign("dist/*.whl", options=options)
    finally:
        sandbox.faults.clear()
    assert (len(caught.value.result.made), len(caught.value.result.failures)) == (1, 1)
    assert caught.value.code == "service-unavailable"


def test_nothing_to_verify_is_no_success(job: Path) -> None:
    """An empty list is no proof."""
    with pytest.raises(NothingToExamine):
        sigstep.verify(
            rule=sigstep.repository("acme/app"), trust=TrustRequest(trusted_roots=(job / "trusted_root.json",))
        )


def test_nothing_to_attest_is_no_success(job: Path, sandbox: Sandbox) -> None:
    """An empty list of predicates, about files and about an image: refused, and nothing is written or attached."""
    options = SigningOptions(trust=TrustRequest(trust_config=job / "trust_config.json"), sources=(GitHubActions(),))
    image = str(push(sandbox, "nothing-said"))
    assert code_of(lambda: sigstep.attest("dist/*.whl", predicates=(), options=options)) == "no-predicate"
    assert code_of(lambda: sigstep.sign_images(image, predicates=(), options=options)) == "no-predicate"
    assert [one.name for one in (job / "dist").iterdir()] == ["app.whl"]


def test_the_how_to_on_images(job: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its block runs on an image in the registry; a stranger's rule, and a missing attestation, refuse."""
    image = push(sandbox, "acme/library")
    exec(BLOCKS[2].replace("ghcr.io/acme/app:v1", str(image)), {})
    assert capsys.readouterr().out.count("linux/amd64") == 1
    trust = TrustRequest(trusted_roots=(job / "trusted_root.json",))
    with pytest.raises(Refused):
        sigstep.verify_images(str(image), rule=sigstep.repository("evil/app"), trust=trust)
    types = ("https://slsa.dev/provenance/v1",)
    with pytest.raises(Refused) as caught:
        sigstep.verify_images(str(image), rule=sigstep.repository("acme/app"), types=types, trust=trust)
    assert caught.value.code == "predicate-type"
    save(image, tmp_path / "saved", Settings(), real_world())
    assert sigstep.verify_images(tmp_path / "saved", rule=sigstep.repository("acme/app"), trust=trust).verdicts
