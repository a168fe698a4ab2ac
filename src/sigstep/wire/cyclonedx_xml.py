"""CycloneDX in XML, read into JSON of the same version by CycloneDX's own library.

The library leaves out what it has no model of, and adds a time, identifiers and dependencies of its own. Neither may
be signed as what the document says: where something would be left out the document is refused, what was added goes.
Equal parts that are repeated it keeps once, and it writes times and package URLs in their usual form.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any, Final
from xml.etree.ElementTree import Element

from sigstep.errors import FormatError, UsageError
from sigstep.wire import strict_xml
from sigstep.wire.fields import malformed

_NAMESPACE: Final = "{http://cyclonedx.org/schema/bom/"
_WITHOUT_JSON: Final = ("1.0", "1.1")


def parse(data: bytes, at_most: int) -> dict[str, Any]:
    """The document as JSON; the XML itself is bounded and parsed strictly first.

    Raises:
        FormatError: ``predicate-malformed``, ``sbom-xml-only``, or a code of `sigstep.wire.strict_xml`.
        UsageError: ``sbom-library-missing``.
    """
    root = strict_xml.parse(data, at_most=at_most, name="CycloneDX document")
    if strict_xml.local(root) != "bom" or not root.tag.startswith(_NAMESPACE):
        raise malformed("the root element is not CycloneDX's bom")
    version = root.tag[len(_NAMESPACE) :].partition("}")[0]
    if version in _WITHOUT_JSON:
        raise _xml_only(f"version {version} has no form in JSON")
    text, again = _converted(root, version)
    lost = sorted(set(_paths(root)) - set(_paths(strict_xml.parse(again, at_most=2 * at_most + 65536))))
    if lost:
        raise _xml_only(f"{', '.join(lost[:3])} would be left out")
    document: dict[str, Any] = json.loads(text)
    return _without_additions(document, root)


def _converted(root: Element, version: str) -> tuple[str, bytes]:
    """What the library makes of the document: JSON, and XML again."""
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.output import make_outputter
        from cyclonedx.schema import OutputFormat, SchemaVersion
    except ImportError:
        raise UsageError(
            code="sbom-library-missing",
            what="CycloneDX in XML cannot be read here",
            why="it needs the extra `sbom`",
            fix="install sigstep[sbom], or write the SBOM as JSON",
        ) from None
    try:
        reader: Any = Bom  # from_xml comes from its decorator, which has no types
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its advice is for whoever makes SBOMs
            bom, known = reader.from_xml(root), SchemaVersion.from_version(version)
            text, again = (
                make_outputter(bom, form, known).output_as_string() for form in (OutputFormat.JSON, OutputFormat.XML)
            )
    except Exception as error:  # noqa: BLE001 - the library raises anything on a document that is not what it says
        raise malformed(f"{type(error).__name__}: {error}"[:200]) from None
    return text, again.encode()


def _paths(element: Element, above: str = "") -> Iterator[str]:
    """Where the document says something; ``modified`` is false unless it is said otherwise."""
    name = strict_xml.local(element)
    path = f"{above}/{name}" if above else name
    text = (element.text or "").strip()
    if text and (name, text) != ("modified", "false"):
        yield path
    if above:
        yield from (f"{path}@{attribute}" for attribute in element.attrib)
    for child in element:
        yield from _paths(child, path)


def _without_additions(document: dict[str, Any], root: Element) -> dict[str, Any]:
    """The document without what the library put there on its own."""
    namespace = root.tag.partition("}")[0] + "}"
    named = {one.get("bom-ref") for one in root.iter()}
    stated = {one.get("ref") for one in root.iterfind(f"{namespace}dependencies/{namespace}dependency")}
    _drop_identifiers(document, named)
    if root.find(f"{namespace}metadata/{namespace}timestamp") is None:
        document.get("metadata", {}).pop("timestamp", None)
    if "serialNumber" not in root.attrib:
        document.pop("serialNumber", None)
    document["dependencies"] = [one for one in document.get("dependencies", ()) if one.get("ref") in stated]
    return {name: value for name, value in document.items() if value or name not in ("dependencies", "metadata")}


def _drop_identifiers(value: Any, named: set[str | None]) -> None:
    if isinstance(value, dict):
        if "bom-ref" in value and value["bom-ref"] not in named:
            del value["bom-ref"]
        for member in value.values():
            _drop_identifiers(member, named)
    elif isinstance(value, list):
        for member in value:
            _drop_identifiers(member, named)


def _xml_only(why: str) -> FormatError:
    return FormatError(
        code="sbom-xml-only",
        what="the CycloneDX document cannot be attested as JSON as it stands",
        why=why,
        fix="let the tool that made it write JSON, or convert it with CycloneDX's own command line tool",
    )
