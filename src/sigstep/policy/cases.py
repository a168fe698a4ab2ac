"""Test cases of a policy file, ``sigstep/policy-tests/v1``: who is supposed to have signed, and what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sigstep.model.digest import Digest
from sigstep.policy.document import FORMATS, ROOTS
from sigstep.policy.judging import Decision
from sigstep.policy.reading import Section, malformed, section_of, text_of
from sigstep.wire import strict_yaml

SCHEMA: Final = "sigstep/policy-tests/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SupposedProof:
    """One proof of a case. ``key`` names a signer that is a key; otherwise the three of a certificate are given."""

    key: str = ""
    issuer: str = ""
    subject: str = ""
    extensions: tuple[tuple[str, str], ...] = ()
    root: str = "public-good"
    type: str = ""
    predicate: Any = None
    logged: bool = True
    stamped: bool = False
    time: datetime | None = None
    legacy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: the image or file, its digest, the time (aware; None for now), the proofs, and what is expected.

    ``codes`` have to be among the findings.
    """

    name: str
    image: str
    file: str
    digest: Digest
    at: datetime | None
    proofs: tuple[SupposedProof, ...]
    expect: Decision
    codes: tuple[str, ...]


def load_cases(data: bytes) -> tuple[Case, ...]:
    """Read a file of test cases.

    Raises:
        FormatError: ``policy-malformed``, ``digest-*``, or of the YAML (see `strict_yaml.documents`).
    """
    found = strict_yaml.documents(data, name="test file")
    if len(found) != 1:
        raise malformed(f"the test file has {len(found)} documents", 1, "write exactly one")
    top = section_of(found[0], "tests").only("schema", "cases")
    top.text("schema", among=(SCHEMA,))
    cases = tuple(_case(section_of(node, "case")) for node in top.items("cases"))
    if not cases:
        raise malformed("there is no case", top.line, "write at least one")
    return cases


def _case(section: Section) -> Case:
    section.only("name", "image", "file", "digest", "at", "proofs", "expect", "codes")
    name = section.text("name")
    section = Section(section.members, f"case {name[:80]}", section.line)
    image, file = section.text("image", ""), section.text("file", "")
    if bool(image) == bool(file):
        raise malformed(f"{section.place} is not about exactly one thing", section.line, "write image or file")
    digest = section.text("digest", "")
    return Case(
        name=name,
        image=image,
        file=file,
        digest=Digest.parse(digest) if digest else Digest.of(name.encode()),
        at=section.moment("at"),
        proofs=tuple(_proof(section_of(node, f"{section.place}.proofs")) for node in section.items("proofs")),
        expect=Decision(section.text("expect", among=tuple(one.value for one in Decision))),
        codes=section.texts("codes"),
    )


def _proof(section: Section) -> SupposedProof:
    known = ("key", "issuer", "subject", "extensions", "trust")
    section.only(*known, "type", "predicate", "log", "stamp", "time", "format")
    if ("key" in section.members) == ("subject" in section.members):
        raise malformed(f"{section.place} has no signer", section.line, "write key, or issuer and subject")
    if "key" in section.members:
        section.only("key", "type", "predicate", "log", "stamp", "time", "format")
    extensions = section.section("extensions")
    pairs = extensions.members.items() if extensions else ()
    predicate = section.members.get("predicate")
    root = section.text("trust", "public")
    return SupposedProof(
        key=section.text("key", ""),
        issuer=section.text("issuer", ""),
        subject=section.text("subject", ""),
        extensions=tuple((name, text_of(node, f"{section.place}.{name}")) for name, node in pairs),
        root=ROOTS.get(root, root),
        type=section.text("type", ""),
        predicate=strict_yaml.plain(predicate) if predicate is not None else None,
        logged=section.flag("log", default=True),
        stamped=section.flag("stamp"),
        time=section.moment("time"),
        legacy=section.text("format", "bundle", FORMATS) == "legacy",
    )
