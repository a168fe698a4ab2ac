"""SPDX 3 documents in JSON-LD: one graph of elements that name one another (SPDX 3.0.1, serialization and annex)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sigstep.model import limits
from sigstep.wire.fields import malformed, objects, optional, required, texts

CONTEXT: Final = "https://spdx.org/rdf/3."
_PACKAGES: Final = frozenset({"software_Package", "ai_AIPackage", "dataset_DatasetPackage"})
_COLLECTIONS: Final = frozenset({"SpdxDocument", "software_Sbom", "Bom", "Bundle"})
_LICENCES: Final = frozenset({"hasConcludedLicense", "hasDeclaredLicense"})
_SETS: Final = {"expandedlicensing_ConjunctiveLicenseSet": " AND ", "expandedlicensing_DisjunctiveLicenseSet": " OR "}
_LISTED: Final = ("https://spdx.org/licenses/", "http://spdx.org/licenses/")
_UNSAID: Final = frozenset({"NoAssertion", "NoAssertionLicense", "None", "NoneLicense", "NOASSERTION", "NONE", ""})
_DEEPEST: Final = 16


def check(document: Mapping[str, Any]) -> None:
    """Refuse what is not SPDX 3 in the names of its own context, by which members are read here.

    Two elements of one identifier are refused too: one would hide the other.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    if not required(document, "@context", str).startswith(CONTEXT):
        raise malformed("the context of the SPDX document is not that of SPDX 3")
    named = set[str]()
    for element in objects(document, "@graph"):
        required(element, "type", str)
        name = _name(element)
        if name in named:
            raise malformed(f"two elements have the identifier {name[:100]!r}")
        named.update([name] if name else [])


def components(document: Mapping[str, Any], *, described_too: bool = True) -> tuple[dict[str, Any], ...]:
    """Packages as ``{name, version, purl, licences, digests}``."""
    elements = _elements(document)
    left_out = frozenset[str]() if described_too else _described(document, elements)
    expressions = _Licences(elements)
    licences: dict[str, list[str]] = {}
    for one in objects(document, "@graph"):
        if one.get("relationshipType") in _LICENCES:
            said = (expressions.of(name) for name in texts(one, "to"))
            licences.setdefault(str(one.get("from")), []).extend(name for name in said if name)
    return tuple(
        {
            "name": str(package.get("name", "")),
            "version": str(package.get("software_packageVersion", "")),
            "purl": _purl(package, elements),
            "licences": tuple(licences.get(_name(package), ())),
            "digests": tuple(value for _, value in _digests(package, elements)),
        }
        for package in objects(document, "@graph")
        if package.get("type") in _PACKAGES and _name(package) not in left_out
    )


def name(document: Mapping[str, Any]) -> str:
    """The document's name, or empty."""
    return next((str(one.get("name", "")) for one in _documents(document)), "")


def created(document: Mapping[str, Any]) -> str:
    """When the document was made (RFC 3339), or empty."""
    elements = _elements(document)
    for one in _documents(document):
        return optional(_meant(one.get("creationInfo"), elements), "created", str) or ""
    return ""


def described(document: Mapping[str, Any]) -> frozenset[str]:
    """Hexadecimal SHA-256 digests of the roots of the document."""
    elements = _elements(document)
    return frozenset(
        value
        for name in _described(document, elements)
        for algorithm, value in _digests(elements.get(name, {}), elements)
        if algorithm == "sha256"
    )


def _name(element: Mapping[str, Any]) -> str:
    """The element's identifier; empty where it has none, which nothing can name."""
    return str(element.get("spdxId") or element.get("@id") or "")


def _elements(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: one for one in objects(document, "@graph") if (name := _name(one))}


def _documents(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (one for one in objects(document, "@graph") if one.get("type") == "SpdxDocument")


def _described(document: Mapping[str, Any], elements: Mapping[str, dict[str, Any]]) -> frozenset[str]:
    """Identifiers of the document's roots; where a root is a collection, of its roots."""
    found: set[str] = set()
    waiting = [name for one in _documents(document) for name in texts(one, "rootElement")]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            one = elements.get(name, {})
            waiting.extend(texts(one, "rootElement") if one.get("type") in _COLLECTIONS else ())
    return frozenset(found)


def _meant(value: Any, elements: Mapping[str, dict[str, Any]]) -> Mapping[str, Any]:
    """The object that stands there or, in its place, its identifier."""
    if isinstance(value, dict):
        return value
    return elements.get(str(value), {})


def _digests(element: Mapping[str, Any], elements: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for value in optional(element, "verifiedUsing", list) or ():
        one = _meant(value, elements)
        if one.get("type") == "Hash":
            yield str(one.get("algorithm")), str(one.get("hashValue", "")).lower()


def _purl(package: Mapping[str, Any], elements: Mapping[str, dict[str, Any]]) -> str:
    others = (_meant(value, elements) for value in optional(package, "externalIdentifier", list) or ())
    named = (str(one.get("identifier", "")) for one in others if one.get("externalIdentifierType") == "packageUrl")
    return optional(package, "software_packageUrl", str) or next(named, "")


class _Licences:
    """Licence expressions of elements: each is made once, and what nested ones grow to is bounded."""

    def __init__(self, elements: Mapping[str, dict[str, Any]]) -> None:
        self._elements = elements
        self._made: dict[str, str] = {}
        self._left = limits.PREDICATE_FILE_BYTES

    def of(self, name: str, depth: int = 0) -> str:
        """The expression of the element; empty where it asserts none.

        Raises:
            FormatError: ``predicate-malformed``: the elements are nested too deep, or name one another in a circle.
        """
        if depth > _DEEPEST:
            raise malformed(f"licences are nested more than {_DEEPEST} deep")
        if name not in self._made:
            self._made[name] = self._make(name, self._elements.get(name, {}), depth + 1)
        return self._made[name]

    def _make(self, name: str, one: Mapping[str, Any], depth: int) -> str:
        kind = str(one.get("type", ""))
        if kind == "simplelicensing_LicenseExpression":
            said = str(one.get("simplelicensing_licenseExpression", ""))
            return "" if said in _UNSAID else said
        if kind in _SETS:
            parts = [self.of(part, depth) or "NOASSERTION" for part in texts(one, "expandedlicensing_member")]
            return f"({self._joined(_SETS[kind], parts)})"
        if kind == "expandedlicensing_WithAdditionOperator":
            both = ("expandedlicensing_subjectExtendableLicense", "expandedlicensing_subjectAddition")
            return self._joined(" WITH ", [self.of(required(one, part, str), depth) for part in both])
        if kind == "expandedlicensing_OrLaterOperator":
            return f"{self.of(required(one, 'expandedlicensing_subjectLicense', str), depth)}+"
        said = name.rpartition("/")[2]
        if name.startswith(_LISTED):
            return said
        return "" if said.rpartition("_")[2] in _UNSAID else str(one.get("name") or name)

    def _joined(self, between: str, parts: Sequence[str]) -> str:
        self._left -= sum(len(part) + len(between) for part in parts)
        if self._left < 0:
            raise malformed("the licences of the SPDX document are too large")
        return between.join(parts)
