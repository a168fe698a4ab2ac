"""`sigstep verify --policy` over what real attestations say: the example of the reference, and changes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.flows.main_line import run
from tests.flows.test_attestations import CDX, JUNIT
from tests.flows.test_images import push
from tests.sandboxes import sandbox

from sigstep.sandbox.local import Sandbox

__all__ = ["sandbox"]
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "policy-file.md"
EXAMPLE = next(one for one in re.findall(r"```yaml\n(schema.*?)```", PAGE.read_text(), re.DOTALL) if "rego:" in one)


@pytest.fixture(scope="module")
def folder(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with provenance, SBOM, scan and tests."""
    folder = tmp_path_factory.mktemp("content")
    (folder / "app.whl").write_bytes(b"app")
    (folder / "cdx.json").write_text(json.dumps(CDX))
    (folder / "junit.xml").write_text(JUNIT)
    finding = {"vulnerability": {"id": "CVE-1", "severity": "Medium"}, "artifact": {"name": "p", "version": "1"}}
    (folder / "grype.json").write_text(json.dumps({"matches": [finding], "descriptor": {"version": "1"}}))
    kinds = ("--provenance", "--sbom", "cdx.json", "--vuln", "grype.json", "--test-results", "junit.xml")
    options = [f"{folder}/{one}" if one.endswith((".json", ".xml")) else one for one in kinds]
    result = run(sandbox, "attest", f"{folder}/app.whl", *options)
    assert result.exception is None, result.exception
    return folder


def judged(box: Sandbox, folder: Path, text: str, *more: str, **environ: str) -> tuple[int, str]:
    """Exit status and report."""
    policy = folder / "policy.yml"
    policy.write_text(text)
    result = run(
        box, "verify", str(folder / "app.whl"), "--policy", str(policy), "--format", "json", *more, environ=environ
    )
    assert result.exception is None, result.exception
    return result.return_value, result.output


def test_the_example_of_the_reference(sandbox: Sandbox, folder: Path) -> None:
    """Everything that the page shows holds for what sigstep attests."""
    status, output = judged(sandbox, folder, EXAMPLE)
    assert status == 0, output


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("branch: main", "branch: other", 1, "provenance-mismatch"),
        ("level: 2", "level: 3", 1, "provenance-mismatch"),
        ('acme/app", branch', 'acme/ap", branch', 1, "provenance-mismatch"),
        ("without-licences: [AGPL-3.0-only]", "without-components: [p]", 1, "sbom-component-forbidden"),
        ("at-most: medium", "at-most: low", 1, "vulnerability-found"),
        (">= 1", ">= 2", 1, "expression-false"),
        (">= 1", "", 1, "expression-failed"),
        ("size(predicate.passedTests) >= 1", "predicate.result", 1, "expression-failed"),
        ('com/acme/")', 'com/other/")', 1, "expression-false"),
        ("allow if", "allow if if", 1, "expression-failed"),
        ("allow if startswith", 'allow := "yes" if startswith', 1, "expression-failed"),
        ("tests: {result: passed}", "max-age: 1d", 0, ""),
    ],
)
def test_changes_of_it(sandbox: Sandbox, folder: Path, old: str, new: str, status: int, code: str) -> None:
    """One change, one code."""
    assert old in EXAMPLE
    found, output = judged(sandbox, folder, EXAMPLE.replace(old, new))
    assert found == status, output
    assert code in output


def test_made_by_this_run(sandbox: Sandbox, folder: Path) -> None:
    """The run that attested may verify, in any of its attempts; exactly one provenance is there."""
    text = EXAMPLE.replace("exactly-one: true", "exactly-one: true, this-run: true".replace(", ", "\n    "))
    claims = sandbox.issuer.claims
    environ = {"GITHUB_RUN_ID": str(claims["run_id"]), "GITHUB_REPOSITORY": str(claims["repository"])}
    status, output = judged(sandbox, folder, text, GITHUB_SERVER_URL="https://github.com", **environ)
    assert status == 0, output
    environ["GITHUB_RUN_ID"] = "7"
    status, output = judged(sandbox, folder, text, GITHUB_SERVER_URL="https://github.com", **environ)
    assert (status, "attestation-other-run" in output) == (1, True)


def test_images_are_judged_alike(sandbox: Sandbox, folder: Path) -> None:
    """The same demands over what is attached to an image."""
    image = str(push(sandbox, "content"))
    result = run(sandbox, "attest", image, "--provenance", "--sbom", str(folder / "cdx.json"))
    assert result.exception is None, result.exception
    head = EXAMPLE.partition("  - type: vuln")[0].replace('blobs: ["**"]', 'images: ["**"]')
    policy = folder / "image.yml"
    for text, status in ((head, 0), (head.replace("branch: main", "branch: x"), 1)):
        policy.write_text(text)
        result = run(sandbox, "verify", image, "--policy", str(policy))
        assert (result.exception, result.return_value) == (None, status), result.output
