"""SPDX documents: JSON objects and tag-value text (SPDX 2.x, clauses 6 and 7), and SPDX 3 as JSON-LD (`spdx3`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.wire import spdx3, strict_json
from sigstep.wire.fields import document_in, malformed, objects, optional, required, texts

BARE: Final = "https://spdx.dev/Document"
VERSIONED: Final = "https://spdx.dev/Document/v2.3"
V3: Final = "https://spdx.dev/Document/v3"
_TAG: Final = re.compile(r"^([A-Za-z]+):\s*(.*)$", re.MULTILINE)


def uri_of(document: Mapping[str, Any]) -> str:
    """The versioned type URI of a document, as actions/attest writes it: ``…/Document/v2.3``.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    if "@graph" in document:
        spdx3.check(document)
        return V3
    version = required(document, "spdxVersion", str)
    if not re.fullmatch(r"SPDX-2\.\d", version):
        raise malformed(f"spdxVersion {version[:40]!r} is not SPDX-2.x")
    return f"{BARE}/v{version.removeprefix('SPDX-')}"


def recognises(data: bytes) -> bool:
    """Whether the bytes look like SPDX, in JSON or in tag-value."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"{"):
        return b'"spdxVersion"' in data or (b'"@graph"' in data and spdx3.CONTEXT.encode() in data)
    return head.startswith(b"SPDXVersion:")


def parse(data: bytes, *, at_most: int = limits.PREDICATE_FILE_BYTES) -> dict[str, Any]:
    """The document of a file: JSON as it is; tag-value as ``{"Data": text}`` after its header was checked.

    Args:
        data: the file.
        at_most: bytes at most.

    Raises:
        FormatError: ``predicate-malformed``, or a code of `sigstep.wire.strict_json`.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        document = strict_json.loads(data, at_most=at_most, name="SPDX document")
        if not isinstance(document, dict):
            raise malformed("the SPDX document is not an object")
        uri_of(document)
        return document
    return {"Data": _tag_value(data, at_most)}


def components(document: Mapping[str, Any], *, described_too: bool = True) -> tuple[dict[str, Any], ...]:
    """Packages as ``{name, version, purl, licences, digests}``."""
    if isinstance(document.get("Data"), str):
        return _tag_components(document["Data"])
    if "@graph" in document:
        return spdx3.components(document, described_too=described_too)
    left_out = frozenset[str]() if described_too else _named(document)
    return tuple(
        {
            "name": str(package.get("name", "")),
            "version": str(package.get("versionInfo", "")),
            "purl": next((str(one.get("referenceLocator", "")) for one in _purls(package)), ""),
            "licences": tuple(
                str(package[key])
                for key in ("licenseConcluded", "licenseDeclared")
                if package.get(key) not in (None, "NOASSERTION", "NONE")
            ),
            "digests": tuple(str(one.get("checksumValue", "")).lower() for one in objects(package, "checksums")),
        }
        for package in objects(document, "packages")
        if str(package.get("SPDXID")) not in left_out
    )


def created(document: Mapping[str, Any]) -> str:
    """When the document was made (RFC 3339), or empty."""
    if isinstance(document.get("Data"), str):
        return next((value.strip() for tag, value in _TAG.findall(document["Data"]) if tag == "Created"), "")
    if "@graph" in document:
        return spdx3.created(document)
    return optional(document, "creationInfo.created", str) or ""


def described(document: Mapping[str, Any]) -> frozenset[str]:
    """Hexadecimal SHA-256 digests of what the document describes, where it states any (SPDX 2.3, 7.10 and 11)."""
    if isinstance(document.get("Data"), str):
        return frozenset()
    if "@graph" in document:
        return spdx3.described(document)
    named = _named(document)
    elements = (*objects(document, "packages"), *objects(document, "files"))
    return frozenset(
        str(one.get("checksumValue", "")).lower()
        for element in elements
        if str(element.get("SPDXID")) in named
        for one in objects(element, "checksums")
        if one.get("algorithm") == "SHA256"
    )


def _purls(package: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Its references to package URLs (SPDX 2.3, 7.21)."""
    return tuple(one for one in objects(package, "externalRefs") if one.get("referenceType") == "purl")


def _named(document: Mapping[str, Any]) -> frozenset[str]:
    """Identifiers of the elements that the document describes."""
    relations = objects(document, "relationships")
    related = (str(one.get("relatedSpdxElement")) for one in relations if one.get("relationshipType") == "DESCRIBES")
    return frozenset((*texts(document, "documentDescribes"), *related))


class Spdx:
    """The kind of SPDX documents (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "sbom"
    uris: tuple[str, ...] = (VERSIONED, BARE, f"{BARE}/v2.2", f"{BARE}/v2.1", f"{BARE}/v2.0", V3)
    aliases: Mapping[str, str] = MappingProxyType({"sbom": VERSIONED, "spdx": BARE, "spdxjson": BARE})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:
        """Refuse what has no SPDX header, or another version than the URI says.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        if isinstance(predicate.get("Data"), str):
            _tag_value(predicate["Data"].encode(), limits.BUNDLE_BYTES)
            return
        written = uri_of(document_in(predicate))
        if uri not in (BARE, written):
            raise malformed(f"the document says {written}, the type says {uri}")

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """Name, time and counts."""
        predicate = document_in(predicate)
        found = components(predicate)
        licensed = sum(1 for one in found if one["licences"])
        name = spdx3.name(predicate) if "@graph" in predicate else predicate.get("name", "")
        return (
            f"SPDX document {name}".rstrip(),
            f"made {created(predicate) or 'at an unstated time'}",
            f"{len(found)} packages, {licensed} with a licence",
        )


def _tag_value(data: bytes, at_most: int) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise malformed("the SPDX document is not UTF-8") from None
    if len(data) > at_most:
        raise FormatError(
            code="predicate-too-large",
            what="the document is too large to be attested by value",
            why=f"it has {len(data)} bytes",
            fix="attest it by its digest",
        )
    tags = {tag for tag, _ in _TAG.findall(text[:65536])}
    missing = {"SPDXVersion", "DocumentName", "DocumentNamespace"} - tags
    if missing:
        raise malformed(f"the SPDX document lacks {', '.join(sorted(missing))}")
    return text


def _tag_components(text: str) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    for tag, value in _TAG.findall(text):
        if tag == "PackageName":
            found.append({"name": value.strip(), "version": "", "purl": "", "licences": (), "digests": ()})
        elif tag == "PackageVersion" and found:
            found[-1]["version"] = value.strip()
        elif tag == "ExternalRef" and found and " purl " in value:
            found[-1]["purl"] = value.rpartition(" ")[2].strip()
        elif tag in ("PackageLicenseConcluded", "PackageLicenseDeclared") and found:
            if value.strip() not in ("NOASSERTION", "NONE"):
                found[-1]["licences"] = (*found[-1]["licences"], value.strip())
        elif tag == "PackageChecksum" and found:
            found[-1]["digests"] = (*found[-1]["digests"], value.rpartition(":")[2].strip().lower())
    return tuple(found)
