"""CycloneDX documents: JSON, and XML read into the same members (CycloneDX 1.x; ECMA-424)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from xml.etree.ElementTree import Element

from sigstep.model import limits
from sigstep.wire import strict_json, strict_xml
from sigstep.wire.fields import malformed, objects, optional, required

URI: Final = "https://cyclonedx.org/bom"
_NAMESPACE: Final = "{http://cyclonedx.org/schema/bom/"


def recognises(data: bytes) -> bool:
    """Whether the bytes look like CycloneDX, in JSON (with or without ``serialNumber``) or in XML."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<"):
        return b"http://cyclonedx.org/schema/bom/" in head
    return head.startswith(b"{") and b'"bomFormat"' in data and b'"CycloneDX"' in data


def parse(data: bytes) -> dict[str, Any]:
    """The document of a file; XML becomes the JSON members that policies read (metadata and components).

    Raises:
        FormatError: ``predicate-malformed``, or a code of `sigstep.wire.strict_json` or `sigstep.wire.strict_xml`.
    """
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _from_xml(strict_xml.parse(data, at_most=limits.PREDICATE_BYTES, name="CycloneDX document"))
    document = strict_json.loads(data, at_most=limits.PREDICATE_BYTES, name="CycloneDX document")
    if not isinstance(document, dict):
        raise malformed("the CycloneDX document is not an object")
    CycloneDx().check(URI, document)
    return document


def components(document: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Components as ``{name, version, licences, digests}``; the described one first, nested ones too."""
    described = optional(document, "metadata.component", dict)
    waiting = deque([*([described] if described else []), *objects(document, "components")])
    found: list[dict[str, Any]] = []
    while waiting:
        one = waiting.popleft()
        waiting.extend(objects(one, "components"))
        found.append(
            {
                "name": str(one.get("name", "")),
                "version": str(one.get("version", "")),
                "licences": tuple(_licence(licence) for licence in objects(one, "licenses")),
                "digests": tuple(str(digest.get("content", "")).lower() for digest in objects(one, "hashes")),
            }
        )
    return tuple(found)


def created(document: Mapping[str, Any]) -> str:
    """When the document was made (RFC 3339), or empty."""
    return optional(document, "metadata.timestamp", str) or ""


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
        if required(predicate, "bomFormat", str) != "CycloneDX":
            raise malformed("bomFormat is not CycloneDX")
        version = required(predicate, "specVersion", str)
        if uri not in (URI, f"{URI}/v{version}"):
            raise malformed(f"the document says version {version[:40]}, the type says {uri}")
        objects(predicate, "components")

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """Version, time and counts."""
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


def _from_xml(root: Element) -> dict[str, Any]:
    if strict_xml.local(root) != "bom" or not root.tag.startswith(_NAMESPACE):
        raise malformed("the root element is not CycloneDX's bom")
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": root.tag[len(_NAMESPACE) :].partition("}")[0],
    }
    if "serialNumber" in root.attrib:
        document["serialNumber"] = root.attrib["serialNumber"]
    for child in root:
        if strict_xml.local(child) == "metadata":
            document["metadata"] = _metadata(child)
        elif strict_xml.local(child) == "components":
            document["components"] = [_component(one) for one in child]
    return document


def _metadata(element: Element) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for child in element:
        if strict_xml.local(child) == "timestamp":
            members["timestamp"] = (child.text or "").strip()
        elif strict_xml.local(child) == "component":
            members["component"] = _component(child)
    return members


def _component(element: Element) -> dict[str, Any]:
    members: dict[str, Any] = {"type": element.attrib.get("type", "library")}
    for child in element:
        name = strict_xml.local(child)
        if name in ("name", "version", "purl", "group"):
            members[name] = (child.text or "").strip()
        elif name == "hashes":
            members["hashes"] = [
                {"alg": one.attrib.get("alg", ""), "content": (one.text or "").strip()} for one in child
            ]
        elif name == "licenses":
            members["licenses"] = [_xml_licence(one) for one in child]
        elif name == "components":
            members["components"] = [_component(one) for one in child]
    return members


def _xml_licence(element: Element) -> dict[str, Any]:
    if strict_xml.local(element) == "expression":
        return {"expression": (element.text or "").strip()}
    return {"license": {strict_xml.local(child): (child.text or "").strip() for child in element}}
