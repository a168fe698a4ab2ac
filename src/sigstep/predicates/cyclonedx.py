"""CycloneDX documents: JSON, and XML read into JSON (CycloneDX 1.x; ECMA-424)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sigstep.model import limits
from sigstep.wire import cyclonedx_xml, strict_json
from sigstep.wire.fields import document_in, malformed, objects, optional, required

URI: Final = "https://cyclonedx.org/bom"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")


def recognises(data: bytes) -> bool:
    """Whether the bytes look like CycloneDX, in JSON (with or without ``serialNumber``) or in XML."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<"):
        return b"http://cyclonedx.org/schema/bom/" in head
    return head.startswith(b"{") and b'"bomFormat"' in data and b'"CycloneDX"' in data


def parse(data: bytes, *, at_most: int = limits.PREDICATE_FILE_BYTES) -> dict[str, Any]:
    """The document of a file; XML becomes JSON of the same version (`sigstep.wire.cyclonedx_xml`).

    Args:
        data: the file.
        at_most: bytes at most.

    Raises:
        FormatError: ``predicate-malformed``, ``sbom-xml-only``, or a code of `sigstep.wire.strict_json` or
            `sigstep.wire.strict_xml`.
        UsageError: ``sbom-library-missing``.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return cyclonedx_xml.parse(data, at_most)
    document = strict_json.loads(data, at_most=at_most, name="CycloneDX document")
    if not isinstance(document, dict):
        raise malformed("the CycloneDX document is not an object")
    required(document, "bomFormat", str)  # a wrapped one is read, not written
    CycloneDx().check(URI, document)
    return document


def components(document: Mapping[str, Any], *, described_too: bool = True) -> tuple[dict[str, Any], ...]:
    """Components as ``{name, version, purl, licences, digests}``; the described one first, nested ones too."""
    described = optional(document, "metadata.component", dict) or {}
    first = [described] if described and described_too else objects(described, "components")
    waiting = deque([*first, *objects(document, "components")])
    found: list[dict[str, Any]] = []
    while waiting:
        one = waiting.popleft()
        waiting.extend(objects(one, "components"))
        found.append(
            {
                "name": str(one.get("name", "")),
                "version": str(one.get("version", "")),
                "purl": str(one.get("purl", "")),
                "licences": tuple(_licence(licence) for licence in objects(one, "licenses")),
                "digests": tuple(str(digest.get("content", "")).lower() for digest in objects(one, "hashes")),
            }
        )
    return tuple(found)


def created(document: Mapping[str, Any]) -> str:
    """When the document was made (RFC 3339), or empty."""
    return optional(document, "metadata.timestamp", str) or ""


def described(document: Mapping[str, Any]) -> frozenset[str]:
    """Hexadecimal SHA-256 digests of what the document describes, where it states any.

    Syft writes the digest of a file or image as the version of ``metadata.component``.
    """
    component = optional(document, "metadata.component", dict) or {}
    found = {str(one.get("content", "")).lower() for one in objects(component, "hashes") if one.get("alg") == "SHA-256"}
    version = str(component.get("version", ""))
    if _DIGEST.fullmatch(version):
        found.add(version.removeprefix("sha256:"))
    return frozenset(found)


class CycloneDx:
    """The kind of CycloneDX documents (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "cyclonedx"
    uris: tuple[str, ...] = (URI, *(f"{URI}/v1.{minor}" for minor in range(8)))
    aliases: Mapping[str, str] = MappingProxyType({"cyclonedx": URI})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:
        """Refuse what is not CycloneDX, or another version than the URI says; ``serialNumber`` is optional.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        predicate = document_in(predicate)
        if required(predicate, "bomFormat", str) != "CycloneDX":
            raise malformed("bomFormat is not CycloneDX")
        version = required(predicate, "specVersion", str)
        if uri not in (URI, f"{URI}/v{version}"):
            raise malformed(f"the document says version {version[:40]}, the type says {uri}")
        objects(predicate, "components")

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """Version, time and counts."""
        predicate = document_in(predicate)
        found = components(predicate)
        licensed = sum(1 for one in found if one["licences"])
        return (
            f"CycloneDX {predicate.get('specVersion', '')}",
            f"made {created(predicate) or 'at an unstated time'}",
            f"{len(found)} components, {licensed} with a licence",
        )


def _licence(entry: Mapping[str, Any]) -> str:
    if isinstance(entry.get("expression"), str):
        return str(entry["expression"])
    licence = optional(entry, "license", dict) or {}
    return str(licence.get("id") or licence.get("name") or "")
