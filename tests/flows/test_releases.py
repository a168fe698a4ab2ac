"""Assets of an immutable release, by GitHub's own word: it names no repository in the certificate, but in the statement."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.attesting import RELEASE as KIND
from tests.attesting import RELEASES, Who, bundle, statement

from sigstep.cli.verify import command as verify
from sigstep.errors import UsageError
from sigstep.flows.policies import check_policy
from sigstep.flows.policy_words import explain
from sigstep.policy.document import load_policy
from sigstep.policy.exporting import Losses, image_rules
from sigstep.policy.writing import write_policy
from sigstep.sandbox.local import Sandbox

ASSET = b"an asset"
DIGEST = {"sha256": hashlib.sha256(ASSET).hexdigest()}
SAID = {"repository": "Acme/App", "tag": "v1", "purl": "pkg:github/acme/app@v1"}
ELSEWHERE = {"repository": "evil/app", "tag": "v1", "purl": "pkg:github/acme/app@v1"}
UNSAID: dict[str, Any] = {"purl": "pkg:github/acme/app@v1"}
STRANGER = Who("evil/app").certificate()
TODAY = date(2026, 11, 24)
VOUCHED = {**RELEASES, "extensions": STRANGER["extensions"]}  # GitHub's name, by an OIDC issuer


@pytest.fixture(scope="module")
def sandbox() -> Any:
    """One for all."""
    with Sandbox() as running:
        yield running


@pytest.mark.parametrize(
    ("asked", "said", "kind", "certificate", "code"),
    [
        ("acme/app", SAID, KIND, RELEASES, ""),
        ("acme/app@v1", SAID, KIND, RELEASES, ""),
        ("acme/app@v10", SAID, KIND, RELEASES, "release-mismatch"),
        ("acme/app@V1", SAID, KIND, RELEASES, "release-mismatch"),
        ("acme/ap", SAID, KIND, RELEASES, "release-mismatch"),
        ("acme/app", ELSEWHERE, KIND, RELEASES, "release-mismatch"),
        ("acme/app", UNSAID, KIND, RELEASES, "release-mismatch"),
        ("acme/app", SAID, "https://acme.example/release/v0.2", RELEASES, "release-mismatch"),
        ("acme/app", SAID, KIND, STRANGER, "release-mismatch"),
        ("acme/app", SAID, KIND, VOUCHED, "release-mismatch"),
        ("acme", SAID, KIND, RELEASES, "repository-malformed"),
        ("acme/app@", SAID, KIND, RELEASES, "repository-malformed"),
    ],
)
def test_an_asset_of_a_release(
    sandbox: Sandbox, tmp_path: Path, asked: str, said: Any, kind: str, certificate: Any, code: str
) -> None:
    """Repository and tag are those of GitHub's statement, and only GitHub's certificate may make it."""
    (tmp_path / "asset").write_bytes(ASSET)
    made = bundle(sandbox, statement("asset", DIGEST, kind, said), certificate)
    (tmp_path / "bundle.json").write_text(json.dumps(made))
    options = ["--bundle", str(tmp_path / "bundle.json"), "--trusted-root", str(sandbox.trusted_root_file)]
    options += ["--release-of", asked, "--offline", "--format", "json", str(tmp_path / "asset")]
    done = CliRunner().invoke(verify, options, standalone_mode=False)
    if code == "repository-malformed":
        assert getattr(done.exception, "code", None) == code
        return
    findings = [one["code"] for verdict in json.loads(done.output)["verdicts"] for one in verdict["findings"]]
    assert (done.return_value, findings) == ((1, [code]) if code else (0, []))


POLICY = """
schema: sigstep/policy/v1
signers: {github: {release-of: %s}}
rules: [{name: assets, blobs: ["asset"], attestations: [{type: release, any-of: [github]}]}]
"""


@pytest.mark.parametrize(
    ("asked", "said", "certificate", "status"),
    [
        ("acme/app", SAID, RELEASES, 0),
        ("acme/app@v1", SAID, RELEASES, 0),
        ("acme/app@v10", SAID, RELEASES, 1),
        ("acme/app", ELSEWHERE, RELEASES, 1),
        ("acme/app", SAID, VOUCHED, 1),
    ],
)
@pytest.mark.parametrize("kind", [KIND, "https://in-toto.io/attestation/release/v0.2"])
def test_a_policy_that_asks_for_a_release(
    sandbox: Sandbox, tmp_path: Path, kind: str, asked: str, said: Any, certificate: Any, status: int
) -> None:
    """The same rule, as a signer of a policy file; the kind ``release`` means every version of the predicate."""
    (tmp_path / "asset").write_bytes(ASSET)
    (tmp_path / "policy.yml").write_text(POLICY % asked)
    made = bundle(sandbox, statement("asset", DIGEST, kind, said), certificate)
    (tmp_path / "bundle.json").write_text(json.dumps(made))
    options = ["--bundle", str(tmp_path / "bundle.json"), "--trusted-root", str(sandbox.trusted_root_file)]
    options += ["--policy", str(tmp_path / "policy.yml"), "--offline", str(tmp_path / "asset")]
    assert CliRunner().invoke(verify, options, standalone_mode=False).return_value == status


def test_a_release_in_a_policy_is_told_written_and_exported_to_nobody(tmp_path: Path) -> None:
    """It names a repository in full; what it means is told in words; no engine can ask for it."""
    for asked in ("acme", "acme/app@"):
        with pytest.raises(UsageError) as caught:
            load_policy((POLICY % asked).encode())
        assert caught.value.code == "repository-malformed"
    policy = load_policy((POLICY % "acme/app@v1").encode())
    assert load_policy(write_policy(replace(policy, rules=()))).signers == policy.signers
    assert "  github is GitHub's word about v1 of acme/app" in explain(policy, ())
    (tmp_path / "policy.yml").write_text(
        POLICY.replace("attestations: [{type: release, any-of: [github]}]", "signature: {any-of: [github]}")
        % "acme/app"
    )
    assert any("assets asks github for a signature" in line for line in check_policy(tmp_path / "policy.yml", TODAY))
    images = replace(policy, rules=tuple(replace(one, images=("ghcr.io/acme/app",)) for one in policy.rules))
    losses = Losses()
    assert image_rules(images, losses) == ()
    assert "github is GitHub's word about a release, which no engine reads" in [one.what for one in losses.all]
    assert losses.refused
