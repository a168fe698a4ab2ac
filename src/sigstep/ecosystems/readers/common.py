"""What the readers share: names, digests, and refusing what is no lockfile."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sigstep.errors import FormatError, UsageError
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile
from sigstep.model.digest import Algorithm, Digest
from sigstep.oci.reference import parse_reference
from sigstep.wire import strict_toml

_ASSET: Final = re.compile(
    r"https://github\.com/(?P<name>[\w.-]+/[\w.-]+)/releases/download/(?P<tag>[^/]+)/(?P<asset>[^/?#]+)", re.ASCII
)


def python_name(name: str) -> str:
    """The canonical form of a Python project's name (packaging specifications, name normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def hex_digest(text: Any) -> tuple[Digest, ...]:
    """The digest written ``algorithm:hex``; none for an algorithm that does not identify a file.

    Raises:
        FormatError: ``digest-malformed``.
    """
    if not isinstance(text, str) or text.partition(":")[0] not in {one.value for one in Algorithm}:
        return ()
    return (Digest.parse(text),)


def sri_digests(text: Any) -> tuple[Digest, ...]:
    """The digests of a Subresource Integrity value (W3C SRI, 3.5), without those that do not identify a file.

    Raises:
        FormatError: ``digest-malformed``.
    """
    found: list[Digest] = []
    for one in text.split() if isinstance(text, str) else ():
        name, _, value = one.partition("-")
        if name not in {each.value for each in Algorithm}:
            continue
        try:
            raw = base64.b64decode(value.partition("?")[0], validate=True)
        except (binascii.Error, ValueError):
            raise malformed("integrity", f"{one[:80]!r} is no base64") from None
        found.append(Digest(algorithm=Algorithm(name), value=raw))
    return tuple(found)


def file_name(url: Any) -> str:
    """The last part of a URL or path, without query and fragment."""
    return str(url or "").partition("#")[0].partition("?")[0].rpartition("/")[2]


def npm_origin(resolved: str, name: str) -> tuple[str, str]:
    """The registry's base address in a tarball's address, or another source."""
    if not resolved:
        return "", ""
    base, found, _ = resolved.partition(f"/{name}/-/")
    if found and base.startswith(("https://", "http://")):
        return base, ""
    return "", resolved


def image(text: str, path: str, line: int) -> Locked:
    """An image as a file names it: pinned where it has a digest; what depends on a variable is not known."""
    try:
        found = parse_reference(text)
    except UsageError:
        return Locked(
            ecosystem="oci", name=text[:255], version="", source=f"variable {text[:255]}", path=path, line=line
        )
    digest = found.digest
    return Locked(
        ecosystem="oci",
        name=found.name,
        version=str(digest) if digest else found.tag or "",
        files=(LockedFile(name="", digests=(digest,)),) if digest else (),
        registry=f"https://{found.host}",
        path=path,
        line=line,
        ref=found.tag or "",
    )


def at_revision(kind: str, place: Any, revision: Any) -> str:
    """Another source than a registry, with the revision: two of them are two sources, at one place."""
    return f"{kind} {place}#{revision}" if revision else f"{kind} {place}"


def release_asset(url: str, checksum: str, path: str, line: int) -> Iterator[Locked]:
    """An asset of a GitHub release with its SHA-256; nothing for any other address."""
    match = _ASSET.fullmatch(url)
    digests = hex_digest(checksum.lower())
    if match and digests:
        yield Locked(
            ecosystem="github",
            name=match["name"].lower(),
            version=match["tag"],
            files=(LockedFile(name=match["asset"], digests=digests),),
            path=path,
            line=line,
            ref=match["tag"],
        )


def text_of(data: bytes, path: str) -> str:
    """The text of a lockfile that is bounded by its bytes alone.

    Raises:
        FormatError: ``lockfile-malformed``.
    """
    if len(data) > limits.LOCKFILE_BYTES:
        raise malformed(path, "it is too large")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise malformed(path, "it is not UTF-8") from None


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """``value`` as a mapping.

    Raises:
        FormatError: ``lockfile-malformed``.
    """
    if not isinstance(value, Mapping):
        raise malformed(what, "a table is expected")
    return value


def toml_packages(data: bytes, path: str, array: str) -> Iterable[tuple[Mapping[str, Any], str, str, int]]:
    """Each table of ``[[array]]`` with its name, version (empty where there is none) and line.

    Raises:
        FormatError: ``toml-malformed``, ``toml-too-large``, ``lockfile-malformed``.
    """
    elements = strict_toml.loads(data, at_most=limits.LOCKFILE_BYTES, name=path).get(array, [])
    if not isinstance(elements, list):
        raise malformed(path, f"{array!r} is no array")
    lines = strict_toml.array_lines(data.decode("utf-8"), array, elements)
    for element, line in zip(elements, lines, strict=True):
        table = mapping(element, path)
        name, version = table.get("name"), table.get("version", "")
        if not isinstance(name, str) or not isinstance(version, str):
            raise malformed(path, f"the package on line {line} has no name, or a version that is no text")
        yield table, name, version, line


def python_files(value: Any, path: str) -> tuple[LockedFile, ...]:
    """Files of tables with ``file``, ``name`` or ``url``, and ``hash`` or ``hashes``.

    Raises:
        FormatError: ``lockfile-malformed``, ``digest-malformed``.
    """
    found: list[LockedFile] = []
    for one in value if isinstance(value, list) else ():
        table = mapping(one, path)
        hashes = table.get("hashes")
        digests = hex_digest(table.get("hash"))
        if isinstance(hashes, Mapping):
            digests = tuple(each for name, text in hashes.items() for each in hex_digest(f"{name}:{text}"))
        name = table.get("file") or table.get("name") or file_name(table.get("url") or table.get("path"))
        found.append(LockedFile(name=str(name), digests=digests))
    return tuple(found)


def bounded(locked: Iterable[Locked], path: str) -> tuple[Locked, ...]:
    """The locked versions, as many as one lockfile may have.

    Raises:
        FormatError: ``lockfile-too-many``.
    """
    found: list[Locked] = []
    for one in locked:
        found.append(one)
        if len(found) > limits.LOCKED_PACKAGES:
            raise FormatError(
                code="lockfile-too-many",
                what=f"{path} locks too many packages",
                why=f"at most {limits.LOCKED_PACKAGES} are read",
                fix="split the project",
            )
    return tuple(found)


def malformed(path: str, why: str) -> FormatError:
    """The error of a file that is no lockfile of its kind."""
    return FormatError(
        code="lockfile-malformed", what=f"{path} cannot be read as a lockfile", why=why, fix="lock again with its tool"
    )
