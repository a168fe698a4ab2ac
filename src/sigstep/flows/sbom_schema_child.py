"""The child process of `sigstep.flows.sbom_schema`: a document on standard input, what is wrong on standard output."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

GOOD = "good"  # the answer for a document that satisfies its schema; silence is none
MISSING = 3  # exit status: the extra `sbom` is not installed
_SUFFIXES = {"application/spdx+json": ".spdx.json", "text/spdx": ".spdx"}


def main() -> int:
    """Hold the document against the schema of its version; the media type is the only argument."""
    media_type, data = sys.argv[1], sys.stdin.buffer.read()
    output, sys.stdout = sys.stdout, sys.stderr  # the libraries print as they parse
    try:
        problem = _cyclonedx(data, media_type) if "cyclonedx" in media_type else _spdx(data, media_type)
    except ImportError as error:
        sys.stderr.write(str(error))
        return MISSING
    except Exception as error:  # noqa: BLE001 - the libraries raise anything on a document that is not what it says
        problem = f"{type(error).__name__}: {error}"
    output.write(GOOD if not problem else problem[:400])
    output.flush()
    return 0


def _cyclonedx(data: bytes, media_type: str) -> str:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from cyclonedx.validation.xml import XmlValidator

    xml = media_type.endswith("xml")
    text = data.decode("utf-8-sig", "replace")
    try:
        version = _xml_version(text) if xml else str(json.loads(text).get("specVersion", ""))
        known = SchemaVersion.from_version(version)
    except ValueError as error:
        return str(error)
    validator = XmlValidator(known) if xml else JsonStrictValidator(known)
    problem = validator.validate_str(text)
    return "" if problem is None else str(problem).partition("\n\n")[0]


def _xml_version(text: str) -> str:
    match = re.search(r"http://cyclonedx\.org/schema/bom/(\d\.\d)", text)
    return match[1] if match else ""


def _spdx(data: bytes, media_type: str) -> str:
    from spdx_tools.spdx.parser.error import SPDXParsingError
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"document{_SUFFIXES[media_type]}"
        path.write_bytes(data)
        try:
            messages = validate_full_spdx_document(parse_file(str(path)))
        except SPDXParsingError as error:
            return "; ".join(error.get_messages())  # type: ignore[no-untyped-call]
    return "; ".join(one.validation_message for one in messages)


if __name__ == "__main__":
    sys.exit(main())
