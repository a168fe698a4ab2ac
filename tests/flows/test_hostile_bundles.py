"""Every bad input of issue 3 by ``sigstep verify``: its code, in bounded time and memory."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.x509.oid import ObjectIdentifier
from tests.flows.test_structural import at, changed

from sigstep.sandbox.keys import p256
from sigstep.sandbox.local import Sandbox

Json = dict[str, Any]
SECONDS: Final = 60  # the whole process; a good bundle takes below one
PEAK_KIB: Final = 200 * 1024  # a good bundle takes about 50 MiB
ARC: Final = "1.3.6.1.4.1.57264.1"
RUN: Final = (
    "import sys\n"
    "from sigstep.cli.main import main\n"
    "try: main()\n"
    "finally: print(open('/proc/self/status').read(), file=sys.stderr)\n"
)


def text(change: Callable[[str], str]) -> Callable[[Json], bytes]:
    """A change of the JSON's text."""
    return lambda bundle: change(json.dumps(bundle)).encode()


def member(*path: str | int, value: Any) -> Callable[[Json], bytes]:
    """Another value of one member."""

    def build(bundle: Json) -> bytes:
        holder, name = at(bundle, path)
        holder[name] = value
        return json.dumps(bundle).encode()

    return build


def in_entry(*path: str | int, change: Callable[[Any], Any]) -> Callable[[Json], bytes]:
    """A change of one member of the log entry."""

    def build(bundle: Json) -> bytes:
        changed(*path, change=change)(bundle)
        return json.dumps(bundle).encode()

    return build


def b64(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


def many(name: str, count: int) -> Callable[[Json], bytes]:
    """A list of the verification material, repeated."""

    def build(bundle: Json) -> bytes:
        material = bundle["verificationMaterial"]
        holder = material.get("timestampVerificationData", {}) if name == "rfc3161Timestamps" else material
        holder[name] = holder[name] * count
        return json.dumps(bundle).encode()

    return build


def chain(count: int) -> Callable[[Json], bytes]:
    """A bundle of version 0.1 with that many certificates."""

    def build(bundle: Json) -> bytes:
        material = bundle["verificationMaterial"]
        material["x509CertificateChain"] = {"certificates": [material.pop("certificate")] * count}
        bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
        return json.dumps(bundle).encode()

    return build


CERTIFICATE = ("verificationMaterial", "certificate", "rawBytes")
STAMPS = ("verificationMaterial", "timestampVerificationData", "rfc3161Timestamps")
DEEP_DER = b"\x30\x80" * 20_000
BAD: dict[str, tuple[Callable[[Json], bytes], str]] = {
    "100 MB of white space": (lambda bundle: b" " * 100_000_000, "bundle-too-large"),
    "100 MB in one text": (
        text(lambda whole: whole.replace('"messageSignature"', '"' + "x" * 100_000_000 + '"', 1)),
        "bundle-too-large",
    ),
    "100 MB of a signature": (member("messageSignature", "signature", value="A" * 24_000_000), "json-too-large"),
    "arrays, 10,000 deep": (text(lambda whole: "[" * 10_000 + "]" * 10_000), "json-too-deep"),
    "objects, 10,000 deep": (text(lambda whole: '{"a":' * 10_000 + "1" + "}" * 10_000), "json-too-deep"),
    "a member, 10,000 deep": (
        text(lambda whole: whole.replace("{", '{"x": ' + "[" * 10_000 + "]" * 10_000 + ", ", 1)),
        "json-too-deep",
    ),
    "10,000,000 arrays": (lambda bundle: b"[" + b"[]," * 10_000_000 + b"1]", "json-too-many"),
    "10,000,000 objects": (lambda bundle: b"[" + b"{}," * 10_000_000 + b"1]", "json-too-many"),
    "15,000,000 numbers": (lambda bundle: b"[" + b"1," * 15_000_000 + b"1]", "json-too-many"),
    "2,000,000 members": (
        lambda bundle: b"{" + b",".join(b'"%x":1' % one for one in range(2_000_000)) + b"}",
        "json-too-many",
    ),
    "10,000 time stamps": (many("rfc3161Timestamps", 10_000), "json-too-many"),
    "33 time stamps": (many("rfc3161Timestamps", 33), "json-too-many"),
    "a time stamp of 1 MB": (member(*STAMPS, 0, "signedTimestamp", value=b64(b"0" * 1_000_000)), "json-too-large"),
    "a time stamp of nested DER": (member(*STAMPS, 0, "signedTimestamp", value=b64(DEEP_DER)), "timestamp-malformed"),
    "10,000 log entries": (member("verificationMaterial", "tlogEntries", value=[{}] * 10_000), "json-too-many"),
    "33 log entries": (many("tlogEntries", 33), "json-too-many"),
    "10,000 proof hashes": (
        in_entry("inclusionProof", "hashes", change=lambda old: [b64(b"0" * 32)] * 10_000),
        "json-too-many",
    ),
    "a member twice": (text(lambda whole: whole.replace("{", '{"mediaType": "x", ', 1)), "json-duplicate-key"),
    "a member twice, in two spellings": (
        text(lambda whole: whole.replace("{", '{"media_type": "x", ', 1)),
        "json-duplicate-key",
    ),
    "a member twice, by escapes": (
        text(lambda whole: whole.replace("{", '{"\\u006dediaType": "x", ', 1)),
        "json-duplicate-key",
    ),
    "NaN": (text(lambda whole: whole.replace("{", '{"x": NaN, ', 1)), "json-malformed"),
    "-Infinity": (text(lambda whole: whole.replace("{", '{"x": -Infinity, ', 1)), "json-malformed"),
    "an index that is NaN": (in_entry("logIndex", change=lambda old: float("nan")), "json-malformed"),
    "invalid UTF-8": (lambda bundle: json.dumps(bundle).encode() + b"\xff", "json-not-utf8"),
    "an overlong encoding": (
        lambda bundle: json.dumps(bundle).encode().replace(b'"mediaType"', b'"\xc1\xad"', 1),
        "json-not-utf8",
    ),
    "a lone surrogate": (text(lambda whole: whole.replace("{", '{"x": "\\ud800", ', 1)), "json-not-utf8"),
    "UTF-16": (lambda bundle: json.dumps(bundle).encode("utf-16"), "json-not-utf8"),
    "a certificate of 1 MB": (member(*CERTIFICATE, value=b64(b"0" * 1_000_000)), "json-too-large"),
    "a certificate of nested DER": (member(*CERTIFICATE, value=b64(DEEP_DER)), "certificate-malformed"),
    "10,000 certificates": (chain(10_000), "json-too-many"),
    "17 certificates": (chain(17), "json-too-many"),
    "base64 with blanks": (member("messageSignature", "signature", value="AAAA AAAA"), "base64-malformed"),
    "base64 with junk": (member("messageSignature", "signature", value="AAAA*!$;"), "base64-malformed"),
    "base64 after its end": (member("messageSignature", "signature", value="AA==AAAA"), "base64-malformed"),
    "base64 with end bits": (member("messageSignature", "signature", value="AB=="), "base64-malformed"),
    "base64 of other scripts": (member("messageSignature", "signature", value="ＡＡＡＡ"), "base64-malformed"),
    "a negative index": (in_entry("logIndex", change=lambda old: "-1"), "json-integer"),
    "a negative number": (in_entry("logIndex", change=lambda old: -1), "json-integer"),
    "an index of 2**63": (in_entry("logIndex", change=lambda old: str(2**63)), "json-integer"),
    "an index of 4,000 digits": (in_entry("logIndex", change=lambda old: "9" * 4_000), "json-integer"),
    "a number of 10,000 digits": (
        text(lambda whole: whole.replace("{", '{"x": ' + "9" * 10_000 + ", ", 1)),
        "json-malformed",
    ),
    "an index of 1e400": (text(lambda whole: whole.replace("{", '{"x": 1e400, ', 1)), "json-unknown-member"),
    "the last index of the proof": (
        in_entry("inclusionProof", "logIndex", change=lambda old: str(2**63 - 1)),
        "inclusion-proof-shape",
    ),
    "a tree of 2**63-1 leaves": (
        in_entry("inclusionProof", "treeSize", change=lambda old: str(2**63 - 1)),
        "inclusion-proof-mismatch",
    ),
    "the last global index": (in_entry("logIndex", change=lambda old: str(2**63 - 1)), "promise-invalid"),
    "the last time": (in_entry("integratedTime", change=lambda old: str(2**63 - 1)), "promise-invalid"),
}
BOMBS: dict[str, tuple[Json, str]] = {
    "2,000 extensions": (
        {"extensions": tuple((f"1.2.3.{number}", b"x") for number in range(2_000))},
        "identity-mismatch",
    ),
    "an extension of 40,000 bytes": ({"extensions": (("1.2.3.4", b"x" * 40_000),)}, "identity-mismatch"),
    "an extension of nested DER": ({"extensions": ((f"{ARC}.8", DEEP_DER),)}, "certificate-identity"),
    "300 SCTs that do not hold": ({"scts": 300, "spoiled_sct": True}, "sct-invalid"),
    "a certificate above 64 KiB": ({"extensions": (("1.2.3.4", b"x" * 70_000),)}, "json-too-large"),
    "5,000 uses": (
        {"usages": tuple(ObjectIdentifier(f"1.2.{number}") for number in range(5_000))},
        "certificate-not-for-signing",
    ),
    "another authority's": ({"signer": p256(), "extensions": (("1.2.3.4", b"x" * 40_000),)}, "trust-root-outdated"),
}


def verify(sandbox: Sandbox, folder: Path, data: bytes) -> tuple[int, str, int]:
    """Exit status, everything said, and the peak of the memory in KiB of the command in a process of its own."""
    (folder / "f").write_bytes(b"hello")
    (folder / "f.sigstore.json").write_bytes(data)
    arguments = ["verify", "f", "--offline", "--trusted-root", str(sandbox.trusted_root_file), "--repo", "acme/app"]
    command = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    said, _, status = done.stderr.partition("Name:")
    return done.returncode, done.stdout + said, int(status.partition("VmHWM:")[2].split()[0])


@pytest.fixture(scope="module")
def good(sandbox: Sandbox) -> str:
    """A bundle whose entry has a promise and whose tree has several leaves, as JSON."""
    for _ in range(5):
        sandbox.forge.bundle(b"hello")
    return json.dumps(sandbox.forge.bundle(b"hello"))


@pytest.mark.parametrize("name", BAD)
def test_each_is_refused_within_bounds(sandbox: Sandbox, tmp_path: Path, good: str, name: str) -> None:
    """Exit 1, the code, and neither time nor memory that grows with what was sent."""
    build, code = BAD[name]
    status, said, peak = verify(sandbox, tmp_path, build(json.loads(good)))
    assert (status, f"[{code}]" in said) == (1, True), said[:2000]
    assert "Traceback" not in said
    assert len(said) < 5000
    assert peak < PEAK_KIB


@pytest.mark.parametrize("name", BOMBS)
def test_certificates_that_are_large_or_odd(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    """Issued, logged and stamped by the sandbox: what is wrong is the certificate alone."""
    told, code = BOMBS[name]
    bundle = sandbox.forge.bundle(b"hello", certificate=told)
    status, said, peak = verify(sandbox, tmp_path, json.dumps(bundle).encode())
    assert (status, f"[{code}]" in said) == (1, True), said[:2000]
    assert "Traceback" not in said
    assert peak < PEAK_KIB


def test_what_they_differ_from(sandbox: Sandbox, tmp_path: Path, good: str) -> None:
    """Unchanged it is verified."""
    status, said, peak = verify(sandbox, tmp_path, good.encode())
    assert (status, peak < PEAK_KIB) == (0, True), said
