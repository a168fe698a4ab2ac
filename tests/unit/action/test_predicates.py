"""What the inputs of the steps say that is attested."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.action.test_inputs import inputs
from tests.unit.flows.test_sbom_making import SBOM, Scripted, with_process

from sigstep.action.attest import predicates_of
from sigstep.model import limits

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"sbom_path": "auto"}, "dir:."),
        ({"sbom_path": f"auto:{__file__}"}, f"file:{__file__}"),
        (
            {"sbom_path": "auto", "subject_name": "ghcr.io/acme/app", "subject_digest": DIGEST},
            f"registry:ghcr.io/acme/app@{DIGEST}",
        ),
    ],
)
def test_an_sbom_is_made(given: dict[str, str], source: str) -> None:
    """`auto` is about the checkout, or about the image that is named."""
    process = Scripted("syft", answer=SBOM)
    (made,) = predicates_of(inputs(**given), with_process(process))
    assert made.kind == "sbom"
    assert process.ran[0][-1] == source


def test_github_takes_sixteen_mebibytes(tmp_path: Path) -> None:
    """A larger SBOM is attested by its digest."""
    large = tmp_path / "large.json"
    padding = b"x" * limits.PREDICATE_BYTES
    large.write_bytes(b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "' + padding + b'"}')
    (made,) = predicates_of(inputs(sbom_path=str(large)), with_process(Scripted()))
    assert made.type == "https://in-toto.io/attestation/reference/v0.1"
