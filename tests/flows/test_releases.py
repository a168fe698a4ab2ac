"""Assets of an immutable release, by GitHub's own word: it names no repository in the certificate, but in the statement."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.attesting import RELEASE as KIND
from tests.attesting import RELEASES, Who, bundle, statement

from sigstep.cli.verify import command as verify
from sigstep.sandbox.local import Sandbox

ASSET = b"an asset"
DIGEST = {"sha256": hashlib.sha256(ASSET).hexdigest()}
SAID = {"repository": "Acme/App", "tag": "v1", "purl": "pkg:github/acme/app@v1"}
ELSEWHERE = {"repository": "evil/app", "tag": "v1", "purl": "pkg:github/acme/app@v1"}
UNSAID: dict[str, Any] = {"purl": "pkg:github/acme/app@v1"}
STRANGER = Who("evil/app").certificate()
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
