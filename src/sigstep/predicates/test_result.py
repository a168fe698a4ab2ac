"""in-toto test results v0.1, made from JUnit XML (attestation spec, predicates/test-result)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from xml.etree.ElementTree import Element

from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.wire import strict_xml
from sigstep.wire.fields import malformed, objects, optional, required, texts

URI: Final = "https://in-toto.io/attestation/test-result/v0.1"
_RESULTS: Final = ("PASSED", "WARNED", "FAILED")
_SUITES: Final = ("testsuites", "testsuite")
_BAD: Final = frozenset({"failure", "error"})


def recognises(data: bytes) -> bool:
    """Whether the bytes look like JUnit XML."""
    head = data[:4096]
    return b"<testsuite" in head


def from_junit(data: bytes, *, name: str = "junit.xml", url: str = "") -> dict[str, Any]:
    """The predicate of a JUnit file: failures and errors fail, skipped tests warn.

    Suites fail too, by an element of their own or by their counts, where no test is told as failed: what is set up
    before the tests is of no test.

    Args:
        data: the file.
        name: its name; with its digest it is the ``configuration`` descriptor.
        url: where the run can be seen, or empty.

    Raises:
        FormatError: ``xml-doctype``, ``xml-malformed``, ``xml-too-large``, ``predicate-malformed``.
    """
    root = strict_xml.parse(data, at_most=limits.PREDICATE_BYTES, name="JUnit file")
    if strict_xml.local(root) not in _SUITES:
        raise malformed("the root element is neither testsuites nor testsuite")
    passed: list[str] = []
    skipped: list[str] = []
    failed: list[str] = []
    suites: list[str] = []
    for one in root.iter():
        inside = {strict_xml.local(child) for child in one}
        if strict_xml.local(one) == "testcase":
            place = failed if inside & _BAD else skipped if "skipped" in inside else passed
            place.append(_case_name(one))
        elif strict_xml.local(one) in _SUITES and (inside & _BAD or _counted(one)):
            suites.append(one.attrib.get("name", "") or strict_xml.local(one))
    failed = failed or suites
    if not passed and not skipped and not failed:
        raise malformed("the JUnit file tells of no test")
    predicate: dict[str, Any] = {
        "result": "FAILED" if failed or not passed else "WARNED" if skipped else "PASSED",
        "configuration": [{"name": name, "digest": {"sha256": Digest.of(data).hex}}],
        "passedTests": passed,
        "warnedTests": skipped,
        "failedTests": failed,
    }
    if url:
        predicate["url"] = url
    return predicate


class TestResult:
    """The kind of test results (`sigstep.ports.predicate.PredicateKind`)."""

    __test__ = False
    name: str = "test-result"
    uris: tuple[str, ...] = (URI,)
    aliases: Mapping[str, str] = MappingProxyType({"test-result": URI})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """Refuse a result outside PASSED, WARNED and FAILED, or one that its own lists contradict.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        result = required(predicate, "result", str)
        if result not in _RESULTS:
            raise malformed(f"result {result[:40]!r} is not one of {', '.join(_RESULTS)}")
        objects(predicate, "configuration")
        for name in ("passedTests", "warnedTests"):
            texts(predicate, name)
        if texts(predicate, "failedTests") and result != "FAILED":
            raise malformed(f"the result is {result}, but tests are listed as failed")

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """Result and counts, and the names of what failed."""
        failed = texts(predicate, "failedTests")
        counts = ", ".join(
            f"{len(found)} {word}"
            for word, found in (
                ("passed", texts(predicate, "passedTests")),
                ("skipped or warned", texts(predicate, "warnedTests")),
                ("failed", failed),
            )
        )
        url = optional(predicate, "url", str)
        lines: Sequence[str] = [
            f"tests {optional(predicate, 'result', str)}: {counts}",
            *([f"see {url}"] if url else []),
        ]
        return (*lines, *(f"failed: {name}" for name in failed))


def _counted(suite: Element) -> bool:
    return any(suite.attrib.get(name, "").strip() not in ("", "0") for name in ("failures", "errors"))


def _case_name(case: Element) -> str:
    where = case.attrib.get("classname", "")
    name = case.attrib.get("name", "")
    return f"{where}.{name}" if where else name
