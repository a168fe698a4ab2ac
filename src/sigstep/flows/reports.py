"""What files become as predicates: SBOMs, scans, test results, VEX documents, and predicates as they stand."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sigstep import __version__
from sigstep.errors import FormatError, UsageError
from sigstep.model import limits
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.scan import Scan
from sigstep.model.statement import Predicate
from sigstep.ports.world import World
from sigstep.predicates import custom, cyclonedx, reference, registry, spdx, test_result, vex, vulnerability
from sigstep.predicates.scanners import SCANNERS
from sigstep.wire import strict_json
from sigstep.wire.fields import moment

FORMS: Final = ("cosign", "in-toto")
_CHUNK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How reports are read.

    Attributes:
        at_most: bytes of a document that is attested by value; a larger SBOM is attested by its digest.
        schema: hold SBOMs against their schema too.
        form: of scans, one of `FORMS`.
    """

    at_most: int = limits.PREDICATE_FILE_BYTES
    schema: bool = False
    form: str = "cosign"


PLAIN: Final = Reading()


def sbom(path: Path, world: World, reading: Reading = PLAIN) -> Predicate:
    """The predicate of an SBOM file: SPDX (JSON, JSON-LD, tag-value) or CycloneDX (JSON, XML), told by its content.

    Raises:
        UsageError: ``file-unreadable``, ``sbom-library-missing``.
        FormatError: ``sbom-unknown``, ``sbom-schema``, ``document-too-large``, or it is malformed.
    """
    if _size(path) > reading.at_most:
        return _by_digest(path)
    return sbom_of(read(path, reading.at_most), path.name, world, reading)


def sbom_of(data: bytes, name: str, world: World, reading: Reading = PLAIN) -> Predicate:
    """The predicate of an SBOM's bytes; ``name`` is for messages.

    Raises:
        UsageError, FormatError: see `sbom`.
    """
    media_type = media_type_of(data)
    if not media_type:
        raise _unknown(name)
    if reading.schema:
        from sigstep.flows.sbom_schema import check_schema

        check_schema(data, media_type, world)
    if "cyclonedx" in media_type:
        document, uri = cyclonedx.parse(data, at_most=reading.at_most), cyclonedx.URI
    else:
        document = spdx.parse(data, at_most=reading.at_most)
        uri = spdx.BARE if "Data" in document else spdx.uri_of(document)
    registry.check(uri, document)
    return Predicate(type=uri, content=document, kind="sbom")


def scan(path: Path, world: World, reading: Reading = PLAIN) -> Predicate:
    """The predicate of a scanner's report: Grype, Trivy, OSV-Scanner, SARIF.

    Raises:
        UsageError: ``file-unreadable``.
        FormatError: ``scan-unknown``, or it is malformed.
    """
    report = _object(read(path, reading.at_most), reading.at_most, "scanner's report")
    for name in SCANNERS:
        scanner = importlib.import_module(name)
        if scanner.recognises(report):
            found: Scan = scanner.read(report)
            time = moment(found.finished) or world.clock.now()
            if reading.form == "in-toto":
                content = vulnerability.make_in_toto(found, started=time, finished=time)
                return Predicate(type=vulnerability.IN_TOTO, content=content, kind="vuln")
            content = vulnerability.make_cosign(found, started=time, finished=time, invocation=_run(world))
            return Predicate(type=vulnerability.COSIGN, content=content, kind="vuln")
    raise FormatError(
        code="scan-unknown",
        what=f"{path} is no report of a scanner that is known",
        why="it is neither of Grype, Trivy or OSV-Scanner, nor SARIF",
        fix="write the report as JSON or SARIF, or attest it with --type and --predicate",
    )


def junit(path: Path, world: World) -> Predicate:
    """The predicate of a JUnit file.

    Raises:
        UsageError: ``file-unreadable``.
        FormatError: ``xml-doctype``, ``xml-malformed``, ``xml-too-large``, ``predicate-malformed``.
    """
    content = test_result.from_junit(read(path, limits.PREDICATE_BYTES), name=path.name, url=_run(world))
    return Predicate(type=test_result.URI, content=content, kind="test-result")


def vex_document(path: Path) -> Predicate:
    """The predicate of an OpenVEX file.

    Raises:
        UsageError: ``file-unreadable``.
        FormatError: it is malformed.
    """
    content = _object(read(path, limits.PREDICATE_BYTES), limits.PREDICATE_BYTES, "VEX document")
    registry.check(vex.URI, content)
    return Predicate(type=vex.URI, content=content, kind="vex")


def typed(name: str, path: Path, world: World, reading: Reading = PLAIN) -> Predicate:
    """The predicate in a file under the type that the user names; SBOM types take every form of their documents.

    Raises:
        UsageError: ``predicate-type-unknown``, ``file-unreadable``.
        FormatError: it is malformed, or of another type.
    """
    return typed_of(name, read(path, reading.at_most), world, reading)


def typed_of(name: str, data: bytes, world: World, reading: Reading = PLAIN) -> Predicate:
    """As `typed`, of the bytes themselves.

    Raises:
        UsageError, FormatError: see `typed`.
    """
    uri = registry.type_uri(name)
    kind = registry.kind_of(uri)
    if uri in spdx.Spdx.uris:
        content: Mapping[str, Any] = spdx.parse(data, at_most=reading.at_most)
    elif uri in cyclonedx.CycloneDx.uris:
        content = cyclonedx.parse(data, at_most=reading.at_most)
    elif uri == custom.URI:
        content = custom.make(data, time=world.clock.now())
    else:
        content = _object(data, reading.at_most, "predicate")
    registry.check(uri, content)
    return Predicate(type=uri, content=content, kind=kind.name if kind is not None else "predicate")


def media_type_of(data: bytes) -> str:
    """The media type of an SBOM, told by its content; empty where it is none that is known."""
    if cyclonedx.recognises(data):
        xml = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
        return "application/vnd.cyclonedx+xml" if xml else "application/vnd.cyclonedx+json"
    if spdx.recognises(data):
        return "application/spdx+json" if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else "text/spdx"
    return ""


def _by_digest(path: Path) -> Predicate:
    """A document that is too large to be attested by value, as a reference to its bytes."""
    digest, head, tail = hashlib.sha256(), b"", b""
    seen = 0
    media_type = ""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                seen += len(chunk)
                if seen > limits.DOCUMENT_BYTES:
                    raise FormatError(
                        code="document-too-large",
                        what=f"{path} is too large to be attested",
                        why=f"at most {limits.DOCUMENT_BYTES} bytes are read",
                        fix="attest its parts",
                    )
                digest.update(chunk)
                head = head or chunk[:4096]
                media_type = media_type or media_type_of(head + tail + chunk)
                tail = chunk[-64:]  # a name may stand across two pieces
    except OSError as error:
        raise _unreadable(path, error) from None
    if not media_type:
        raise _unknown(path.name)
    content = reference.make(
        attester_id=f"urn:sigstep:{__version__}",
        name=path.name,
        digest=Digest(algorithm=Algorithm.SHA256, value=digest.digest()),
        media_type=media_type,
    )
    return Predicate(type=reference.URI, content=content, kind="sbom")


def _run(world: World) -> str:
    """Where this run of a workflow can be seen, or empty."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (world.environ.get(name, "") for name in names)
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""


def _object(data: bytes, at_most: int, name: str) -> dict[str, Any]:
    value = strict_json.loads(data, at_most=at_most, name=name)
    if not isinstance(value, dict):
        raise FormatError(
            code="predicate-malformed", what=f"the {name} is not a JSON object", why="", fix="give a JSON object"
        )
    return value


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from None


def read(path: Path, at_most: int) -> bytes:
    """The whole file.

    Raises:
        UsageError: ``file-unreadable``.
        FormatError: ``predicate-too-large``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(at_most + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(data) > at_most:
        raise FormatError(
            code="predicate-too-large",
            what=f"{path} is too large to be attested by value",
            why=f"at most {at_most} bytes are taken",
            fix="attest it by its digest",
        )
    return data


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        code="file-unreadable",
        what=f"{path} cannot be read",
        why=error.strerror or type(error).__name__,
        fix="check the path",
    )


def _unknown(name: str) -> FormatError:
    return FormatError(
        code="sbom-unknown",
        what=f"{name} is no SBOM that is known",
        why="it is neither SPDX (JSON, JSON-LD or tag-value) nor CycloneDX (JSON or XML)",
        fix="make it again with its own tool, or attest it with --type and --predicate",
    )
