"""XML as strangers write it: bounded, without document types, entities or processing of external names (XML 1.0).

Entities are refused before expat can expand one, so a small file stays small.
"""

from __future__ import annotations

from typing import Any, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from sigstep.errors import FormatError

DEPTH: Final = 100


def parse(data: bytes, *, at_most: int, elements: int = 2_000_000, name: str = "document") -> Element:
    """The root element; names in a namespace are written ``{namespace}name``.

    Args:
        data: the whole document.
        at_most: bytes at most.
        elements: elements at most.
        name: what the document is, for the message.

    Raises:
        FormatError: ``xml-too-large``, ``xml-doctype``, ``xml-malformed``.
    """
    if len(data) > at_most:
        raise FormatError(
            code="xml-too-large",
            what=f"{name} is too large",
            why=f"it has {len(data)} bytes; at most {at_most} are read",
            fix="attest it by its digest instead",
        )
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    bound = _Bound(name, elements)

    def start(tag: str, attributes: dict[str, str]) -> None:
        bound.opened()
        builder.start(_name(tag), {_name(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        bound.depth -= 1
        builder.end(_name(tag))

    def refuse(*_: Any) -> None:
        raise FormatError(
            code="xml-doctype",
            what=f"{name} declares a document type",
            why="document types can declare entities, which are never expanded here",
            fix="write it without <!DOCTYPE>",
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise _malformed(name, str(error)[:200]) from None
    return builder.close()


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


class _Bound:
    def __init__(self, name: str, elements: int) -> None:
        self.name = name
        self.left = elements
        self.depth = 0

    def opened(self) -> None:
        self.depth += 1
        self.left -= 1
        if self.depth > DEPTH or self.left < 0:
            raise _malformed(self.name, "it nests too deeply or has too many elements")


def _name(name: str) -> str:
    return "{" + name if "}" in name else name


def _malformed(name: str, why: str) -> FormatError:
    return FormatError(
        code="xml-malformed", what=f"{name} is not acceptable XML", why=why, fix="make it again with its own tool"
    )
