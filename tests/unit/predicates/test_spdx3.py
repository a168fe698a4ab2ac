"""SPDX 3: elements of a graph that name one another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.worlds import no_network, world

from sigstep.errors import FormatError
from sigstep.flows import reports
from sigstep.model.digest import Digest
from sigstep.predicates import registry, spdx

URI = "https://spdx.dev/Document/v3"
DIGEST = Digest.of(b"app").hex


def document(*elements: dict[str, Any]) -> dict[str, Any]:
    """An SPDX 3 document of an application and a library, with further elements."""
    return {
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {"@id": "_:made", "type": "CreationInfo", "specVersion": "3.0.1", "created": "2026-01-01T00:00:00Z"},
            {
                "spdxId": "u:doc",
                "type": "SpdxDocument",
                "name": "d",
                "creationInfo": "_:made",
                "rootElement": ["u:sbom"],
            },
            {"spdxId": "u:sbom", "type": "software_Sbom", "rootElement": ["u:app"], "element": ["u:app", "u:lib"]},
            {
                "spdxId": "u:app",
                "type": "software_Package",
                "name": "app",
                "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": DIGEST.upper()}],
            },
            {
                "spdxId": "u:lib",
                "type": "software_Package",
                "name": "lib",
                "software_packageVersion": "1",
                "externalIdentifier": [{"externalIdentifierType": "packageUrl", "identifier": "pkg:pypi/lib@1"}],
            },
            *elements,
        ],
    }


def licensed(to: str, *elements: dict[str, Any]) -> dict[str, Any]:
    """The document whose library declares the licence."""
    said = {"type": "Relationship", "from": "u:lib", "relationshipType": "hasDeclaredLicense", "to": [to]}
    return document(said, *elements)


def test_attested_as_it_stands() -> None:
    """A file is told by its content and attested under the URI of SPDX 3."""
    made = reports.sbom_of(json.dumps(document()).encode(), "s.json", world(no_network))
    assert (made.type, made.content) == (URI, document())
    registry.check("https://spdx.dev/Document", document())
    assert spdx.Spdx().describe(URI, document()) == (
        "SPDX document d",
        "made 2026-01-01T00:00:00Z",
        "2 packages, 0 with a licence",
    )
    assert spdx.described(document()) == {DIGEST}


def test_packages() -> None:
    """Packages and what they say, the roots aside where that is asked."""
    app, lib = spdx.components(document())
    assert (app["name"], app["digests"]) == ("app", (DIGEST,))
    assert (lib["name"], lib["version"], lib["purl"]) == ("lib", "1", "pkg:pypi/lib@1")
    assert spdx.components(document(), described_too=False) == (lib,)


LISTED = "https://spdx.org/licenses/"
SET = {"type": "expandedlicensing_DisjunctiveLicenseSet", "expandedlicensing_member": [f"{LISTED}MIT", "u:x"]}
TEXT = {
    "spdxId": "u:x",
    "type": "simplelicensing_LicenseExpression",
    "simplelicensing_licenseExpression": "GPL-2.0-only",
}
LATER = {"type": "expandedlicensing_OrLaterOperator", "expandedlicensing_subjectLicense": f"{LISTED}GPL-2.0"}
WITH = {
    "type": "expandedlicensing_WithAdditionOperator",
    "expandedlicensing_subjectExtendableLicense": "u:x",
    "expandedlicensing_subjectAddition": f"{LISTED}Classpath-exception-2.0",
}


@pytest.mark.parametrize(
    ("to", "elements", "licences"),
    [
        (f"{LISTED}MIT", (), ("MIT",)),
        ("u:x", (TEXT,), ("GPL-2.0-only",)),
        ("u:s", ({"spdxId": "u:s", **SET}, TEXT), ("(MIT OR GPL-2.0-only)",)),
        ("u:s", ({"spdxId": "u:s", **LATER},), ("GPL-2.0+",)),
        ("u:s", ({"spdxId": "u:s", **WITH}, TEXT), ("GPL-2.0-only WITH Classpath-exception-2.0",)),
        ("u:s", ({"spdxId": "u:s", "type": "expandedlicensing_CustomLicense", "name": "Own_None"},), ("Own_None",)),
        ("https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense", (), ()),
        ("expandedlicensing_NoneLicense", (), ()),
        ("u:x", ({**TEXT, "simplelicensing_licenseExpression": "NOASSERTION"},), ()),
    ],
)
def test_licences(to: str, elements: tuple[dict[str, Any], ...], licences: tuple[str, ...]) -> None:
    """Each form in which a licence is said becomes an expression."""
    lib = spdx.components(licensed(to, *elements))[1]
    assert lib["licences"] == licences


def _grown() -> list[dict[str, Any]]:
    """Sets of sets, each a thousand times as large as the one below."""
    kind = "expandedlicensing_ConjunctiveLicenseSet"
    below = {f"u:{depth}": [f"u:{depth - 1}"] * 1000 for depth in range(1, 6)}
    return [{"spdxId": name, "type": kind, "expandedlicensing_member": parts} for name, parts in below.items()]


@pytest.mark.parametrize(
    "elements",
    [[{"spdxId": "u:5", **SET, "expandedlicensing_member": ["u:5"]}], _grown()],
    ids=["circle", "grown"],
)
def test_licences_are_bounded(elements: list[dict[str, Any]]) -> None:
    """Neither a circle nor growth takes more than its share."""
    with pytest.raises(FormatError) as refused:
        spdx.components(licensed("u:5", *elements))
    assert refused.value.code == "predicate-malformed"


@pytest.mark.parametrize(
    "change",
    [
        {"@context": "https://a.example/own.jsonld"},
        {"@context": None},
        {"@graph": [{"@type": "software_Package"}]},
        {"@graph": [{"spdxId": "u:a", "type": "software_Package"}, {"spdxId": "u:a", "type": "software_File"}]},
    ],
)
def test_other_names(change: dict[str, Any]) -> None:
    """By another context members mean something else, and of two elements of one name one would hide the other."""
    with pytest.raises(FormatError) as refused:
        registry.check(URI, {**document(), **change})
    assert refused.value.code == "predicate-malformed"


def test_packages_without_an_identifier() -> None:
    """Each of them is one."""
    graph = [{"type": "software_Package", "name": name} for name in ("a", "b")]
    whole = {**document(), "@graph": graph}
    registry.check(URI, whole)
    assert [one["name"] for one in spdx.components(whole)] == ["a", "b"]
