"""What files become as predicates: sizes, forms, schemas, and what cannot be told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.flows.test_sbom_making import Scripted
from tests.unit.refusals import code_of
from tests.worlds import NOW, world

from sigstep.flows import reports
from sigstep.flows.sbom_schema import check_schema
from sigstep.model import limits
from sigstep.ports.real import real_world
from sigstep.ports.world import Completed

SPDX = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "dataLicense": "CC0-1.0",
    "name": "a",
    "documentNamespace": "https://a.example/1",
    "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": ["Tool: t"]},
    "packages": [{"SPDXID": "SPDXRef-a", "name": "a", "downloadLocation": "NOASSERTION", "filesAnalyzed": False}],
    "relationships": [
        {"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-a", "relationshipType": "DESCRIBES"}
    ],
}
TAG_VALUE = b"""SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: a
DocumentNamespace: https://a.example/1
Creator: Tool: t
Created: 2026-01-01T00:00:00Z
PackageName: a
SPDXID: SPDXRef-a
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: false
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-a
"""
XML = b'<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components/></bom>'
CDX = b'{"bomFormat": "CycloneDX", "specVersion": "1.6"}'


@pytest.mark.parametrize("data", [json.dumps(SPDX).encode(), TAG_VALUE, XML, CDX])
def test_schemas_hold(data: bytes) -> None:
    """Each form of an SBOM satisfies the schema of its version."""
    check_schema(data, reports.media_type_of(data), real_world())


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({**SPDX, "packages": [{"name": "a"}]}).encode(),
        json.dumps({**SPDX, "documentNamespace": "not a URI"}).encode(),
        TAG_VALUE.replace(b"SPDXID: SPDXRef-a\n", b""),
        XML.replace(b"<components/>", b"<odd/>"),
        XML.replace(b"1.6", b"0.6"),
        CDX.replace(b"1.6", b"9.9"),
        CDX.replace(b"}", b', "odd": 1}'),
    ],
)
def test_schemas_refuse(data: bytes) -> None:
    """What the schema does not have."""
    assert code_of(lambda: check_schema(data, reports.media_type_of(data), real_world())) == "sbom-schema"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Completed(status=3, stdout=b"", stderr=b"no module"), "sbom-library-missing"),
        (Completed(status=0, stdout=b"", stderr=b""), "sbom-schema"),
        (Completed(status=1, stdout=b"", stderr=b"killed"), "sbom-schema"),
    ],
)
def test_silence_is_no_answer(answer: Completed, code: str) -> None:
    """A child that says nothing has checked nothing."""
    scripted = replace(world(), process=Scripted(answer=answer))
    assert code_of(lambda: check_schema(CDX, "application/vnd.cyclonedx+json", scripted)) == code


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T01:00:00.123456789+01:00", "2026-01-01T00:00:00Z"),
        ("2026-99-01T00:00:00Z", f"{NOW:%Y-%m-%dT%H:%M:%SZ}"),
        ("yesterday", f"{NOW:%Y-%m-%dT%H:%M:%SZ}"),
    ],
)
def test_when_a_scan_ended(tmp_path: Path, written: str, read: str) -> None:
    """What the report says, else now."""
    report = tmp_path / "grype.json"
    report.write_text(json.dumps({"matches": [], "descriptor": {"version": "1", "timestamp": written}}))
    made = reports.scan(report, world())
    assert made.content is not None
    assert made.content["metadata"]["scanFinishedOn"] == read


def test_github_takes_less(tmp_path: Path) -> None:
    """The limit by value is the caller's; a larger SBOM becomes a reference, anything else is refused."""
    reading = reports.Reading(at_most=100)
    sbom = tmp_path / "sbom.json"
    sbom.write_bytes(CDX.replace(b"}", b', "serialNumber": "' + b"x" * 100 + b'"}'))
    made = reports.sbom(sbom, world(), reading)
    assert made.type == "https://in-toto.io/attestation/reference/v0.1"
    assert code_of(lambda: reports.typed("cyclonedx", sbom, world(), reading)) == "predicate-too-large"
    assert code_of(lambda: reports.sbom(tmp_path / "absent", world())) == "file-unreadable"


def test_what_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a reference reads a bounded number of bytes."""
    monkeypatch.setattr(limits, "DOCUMENT_BYTES", 10)
    (tmp_path / "large").write_bytes(b"x" * 100)
    assert (
        code_of(lambda: reports.sbom(tmp_path / "large", world(), reports.Reading(at_most=5))) == "document-too-large"
    )
