"""The verifier on bundles that sigstore-python signs through the sandbox, whole and with one thing changed."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle

from sigstep.errors import Refusal
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import Thresholds, TrustMaterial
from sigstep.model.verified import Verified
from sigstep.ports.real import RealClock
from sigstep.proofs.prepared import prepare
from sigstep.sandbox.local import Sandbox
from sigstep.verification.pipeline import establish
from sigstep.wire.bundle import bundle_of, encode_bundle, parse_bundle
from sigstep.wire.trusted_root import trusted_root_of

FORMS = [(1, False), (1, True), (2, False), (2, True)]
SUBJECT = Subject(name="artifact", digests=tuple(Digest.of(ARTIFACT, one) for one in Algorithm))
Json = dict[str, Any]
Change = Callable[[Json], None]


@pytest.fixture(scope="module")
def bundles(sandbox: Sandbox) -> dict[tuple[int, bool], Json]:
    """One bundle of each form."""
    return {form: oracle_bundle(sandbox, rekor=form[0], statement=form[1]) for form in FORMS}


def proved(sandbox: Sandbox, bundle: Json, *, root: Json | None = None, **options: Any) -> Verified:
    """What the pipeline proves about the artifact."""
    material = TrustMaterial(roots=(trusted_root_of(root or sandbox.trusted_root(), name="sandbox"),))
    options = {"now": RealClock().now(), **options}
    return establish(bundle_of(bundle), options.pop("subject", SUBJECT), prepare(material), **options)


def code(sandbox: Sandbox, bundle: Json, **options: Any) -> str:
    """The code of the refusal."""
    with pytest.raises(Refusal) as caught:
        proved(sandbox, bundle, **options)
    return caught.value.code


@pytest.mark.parametrize("form", FORMS)
def test_what_holds_is_proved(sandbox: Sandbox, bundles: dict[tuple[int, bool], Json], form: tuple[int, bool]) -> None:
    """Identity, log, time and content; and the bundle survives our own writing."""
    verified = proved(sandbox, bundles[form])
    assert verified.identity is not None
    assert verified.identity.issuer == "https://token.actions.githubusercontent.com"
    assert verified.identity.extensions["runner-environment"] == "github-hosted"
    assert len(verified.entries) == 1
    assert verified.times
    assert verified.sct_logs
    assert (verified.statement is not None) is form[1]
    bundle = bundle_of(bundles[form])
    assert parse_bundle(encode_bundle(bundle)) == bundle


def entry(bundle: Json) -> Json:
    """The only log entry."""
    found: Json = bundle["verificationMaterial"]["tlogEntries"][0]
    return found


def flip(holder: Json, name: str, at: int = -1) -> None:
    """Change one bit of a base64 member."""
    data = bytearray(base64.b64decode(holder[name]))
    data[at] ^= 1
    holder[name] = base64.b64encode(bytes(data)).decode()


def _checkpoint(bundle: Json, change: Callable[[str], str]) -> None:
    checkpoint = entry(bundle)["inclusionProof"]["checkpoint"]
    checkpoint["envelope"] = change(checkpoint["envelope"])


def _spoil_signature_line(text: str) -> str:
    head, _, blob = text.rstrip("\n").rpartition(" ")
    data = bytearray(base64.b64decode(blob))
    data[-1] ^= 1
    return f"{head} {base64.b64encode(bytes(data)).decode()}\n"


def _unproved(bundle: Json) -> None:
    bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1"
    del entry(bundle)["inclusionProof"]
    entry(bundle)["inclusionPromise"] = {"signedEntryTimestamp": "AAAA"}


CHANGES: dict[str, tuple[tuple[int, bool], Change, set[str]]] = {
    "promise": (
        (1, False),
        lambda b: flip(entry(b)["inclusionPromise"], "signedEntryTimestamp"),
        {"promise-invalid"},
    ),
    "integrated time": ((1, False), lambda b: entry(b).update(integratedTime="1700000000"), {"promise-invalid"}),
    "a promise without its time": (
        (1, False),
        lambda b: entry(b).pop("integratedTime"),  # the stamp would do, but a promise has to hold
        {"promise-invalid"},
    ),
    "no proof, and a log that promises nothing": ((2, False), _unproved, {"entry-unproved"}),
    "no certificate": (
        (1, False),
        lambda b: b["verificationMaterial"].update(certificate={"rawBytes": ""}),
        {"json-member-missing"},
    ),
    "another member of ours": ((1, False), lambda b: b.update(sigstepPending={}), {"json-member-type"}),
    "no log id": ((1, False), lambda b: entry(b).update(logId={"keyId": ""}), {"json-member-missing"}),
    "global index": ((1, False), lambda b: entry(b).update(logIndex="99999"), {"promise-invalid"}),
    "root hash": ((1, False), lambda b: flip(entry(b)["inclusionProof"], "rootHash"), {"inclusion-proof-mismatch"}),
    "root hash v2": ((2, False), lambda b: flip(entry(b)["inclusionProof"], "rootHash"), {"inclusion-proof-mismatch"}),
    "no root hash v2": ((2, False), lambda b: entry(b)["inclusionProof"].pop("rootHash"), {"inclusion-proof-mismatch"}),
    "no tree size v2": ((2, False), lambda b: entry(b)["inclusionProof"].pop("treeSize"), {"inclusion-proof-mismatch"}),
    "no proof index v2": (
        (2, True),
        lambda b: entry(b)["inclusionProof"].pop("logIndex"),
        {"inclusion-proof-mismatch"},
    ),
    "body": ((2, False), lambda b: flip(entry(b), "canonicalizedBody", 40), {"inclusion-proof-root"}),
    "index v2": (
        (2, False),
        lambda b: entry(b).update(logIndex="0"),
        {"inclusion-proof-mismatch", "inclusion-proof-root", "inclusion-proof-shape"},
    ),
    "checkpoint signature": ((1, True), lambda b: _checkpoint(b, _spoil_signature_line), {"checkpoint-signature"}),
    "checkpoint signature v2": ((2, True), lambda b: _checkpoint(b, _spoil_signature_line), {"checkpoint-signature"}),
    "checkpoint signature's name": (
        (1, True),
        lambda b: _checkpoint(b, lambda text: text.replace("\n\n\u2014 localhost ", "\n\n\u2014 other.example ")),
        {"checkpoint-signature"},
    ),
    "two lines of the log, one wrong": (
        (1, True),
        lambda b: _checkpoint(b, lambda text: text + _spoil_signature_line(text).rpartition("\n\n")[2]),
        {"checkpoint-signature"},
    ),
    "checkpoint text": (
        (2, True),
        lambda b: _checkpoint(b, lambda text: "other.example" + text[text.index("\n") :]),
        {"checkpoint-origin"},
    ),
    "log id": ((2, False), lambda b: flip(entry(b)["logId"], "keyId"), {"log-unknown", "trust-root-outdated"}),
    "kind": ((2, False), lambda b: entry(b)["kindVersion"].update(version="0.0.1"), {"entry-body", "entry-unproved"}),
    "dsse 0.0.2": (
        (2, True),
        lambda b: entry(b).update(kindVersion={"kind": "dsse", "version": "0.0.2"}),
        {"entry-kind"},
    ),
    "no entry": ((2, False), lambda b: b["verificationMaterial"].update(tlogEntries=[]), {"entry-threshold"}),
    "entry twice": (
        (2, False),
        lambda b: b["verificationMaterial"]["tlogEntries"].append(copy.deepcopy(entry(b))),
        {"entry-duplicate"},
    ),
    "no time v2": (
        (2, False),
        lambda b: b["verificationMaterial"].pop("timestampVerificationData"),
        {"time-threshold"},
    ),
    "time stamp": (
        (2, False),
        lambda b: flip(
            b["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0], "signedTimestamp"
        ),
        {"timestamp-invalid", "timestamp-malformed"},
    ),
    "time stamp twice": (
        (2, False),
        lambda b: b["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"].append(
            b["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]
        ),
        {"timestamp-duplicate"},
    ),
    "certificate": (
        (1, False),
        lambda b: flip(b["verificationMaterial"]["certificate"], "rawBytes"),
        {"issuer-unknown", "trust-root-outdated", "certificate-malformed"},
    ),
    "signature": ((1, False), lambda b: flip(b["messageSignature"], "signature"), {"entry-signature"}),
    "digest": ((1, False), lambda b: flip(b["messageSignature"]["messageDigest"], "digest"), {"message-digest"}),
    "payload": ((1, True), lambda b: flip(b["dsseEnvelope"], "payload"), {"entry-payload"}),
    "payload v2": ((2, True), lambda b: flip(b["dsseEnvelope"], "payload"), {"entry-payload"}),
    "payload type": (
        (2, True),
        lambda b: b["dsseEnvelope"].update(payloadType="application/json"),
        {"entry-payload"},
    ),
    "payload type v1": (
        (1, True),
        lambda b: b["dsseEnvelope"].update(payloadType="application/vnd.in-toto.x+json"),
        {"signature-invalid"},
    ),
}


def test_an_index_that_nothing_proves(sandbox: Sandbox, bundles: dict[tuple[int, bool], Json]) -> None:
    """Rekor v1: the proof is about the index in one shard; over all of them only a promise vouches for one."""
    changed = copy.deepcopy(bundles[1, False])
    assert proved(sandbox, changed).entries[0].log_index == int(entry(changed)["logIndex"])
    del entry(changed)["inclusionPromise"]
    entry(changed)["logIndex"] = "777"
    (found,) = proved(sandbox, changed).entries
    assert (found.log_index, found.index_text, found.proved_by) == (None, "(not proved)", ("inclusion proof",))


@pytest.mark.parametrize("name", CHANGES)
def test_one_change_one_refusal(sandbox: Sandbox, bundles: dict[tuple[int, bool], Json], name: str) -> None:
    """Each change is refused for the reason that was planted."""
    form, change, codes = CHANGES[name]
    changed = copy.deepcopy(bundles[form])
    change(changed)
    assert code(sandbox, changed) in codes


def test_another_artifact(sandbox: Sandbox, bundles: dict[tuple[int, bool], Json]) -> None:
    """Message and statement, in both logs."""
    other = Subject(name="other", digests=(Digest.of(b"other"),))
    found = {form: code(sandbox, bundle, subject=other) for form, bundle in bundles.items()}
    assert found == {
        (1, False): "entry-digest",
        (1, True): "subject-mismatch",
        (2, False): "entry-digest",
        (2, True): "subject-mismatch",
    }


def parts_of(bundles: dict[tuple[int, bool], Json], sandbox: Sandbox, form: tuple[int, bool]) -> Iterator[Json]:
    """The bundle with one part of another valid bundle (of another run over another artifact)."""
    other = oracle_bundle(sandbox, rekor=form[0], statement=form[1], artifact=b"another\n")
    for name in bundles[form]["verificationMaterial"]:
        mixed = copy.deepcopy(bundles[form])
        mixed["verificationMaterial"][name] = other["verificationMaterial"].get(name)
        yield mixed
    content = "dsseEnvelope" if form[1] else "messageSignature"
    yield {**copy.deepcopy(bundles[form]), content: other[content]}


@pytest.mark.parametrize("form", FORMS)
def test_parts_of_other_bundles(
    sandbox: Sandbox, bundles: dict[tuple[int, bool], Json], form: tuple[int, bool]
) -> None:
    """Nothing that was put together from valid parts is accepted."""
    codes = [code(sandbox, mixed) for mixed in parts_of(bundles, sandbox, form) if mixed != bundles[form]]
    assert len(codes) >= 3


WINDOWS = {
    "tlogs": "log-window",
    "ctlogs": "sct-window",
    "certificateAuthorities": "authority-window",
    "timestampAuthorities": "timestamp-window",
}


@pytest.mark.parametrize("kind", WINDOWS)
@pytest.mark.parametrize("window", ["ended", "not begun"])
@pytest.mark.parametrize("rekor", [1, 2])
def test_windows(sandbox: Sandbox, bundles: dict[tuple[int, bool], Json], kind: str, window: str, rekor: int) -> None:
    """A key or authority counts in its window only."""
    root = sandbox.trusted_root()
    for one in root[kind]:
        holder = one.get("publicKey", one)
        start = "2020-01-01T00:00:00Z" if window == "ended" else "2040-01-01T00:00:00Z"
        holder["validFor"] = {"start": start, "end": "2021-01-01T00:00:00Z"} if window == "ended" else {"start": start}
    stamped = "timestampVerificationData" in bundles[(rekor, False)]["verificationMaterial"]
    if kind == "timestampAuthorities" and not stamped:
        assert proved(sandbox, bundles[(rekor, False)], root=root).times
        return
    assert code(sandbox, bundles[(rekor, False)], root=root) == WINDOWS[kind]


@pytest.mark.parametrize("form", FORMS)
def test_windows_are_closed_intervals(
    sandbox: Sandbox, bundles: dict[tuple[int, bool], Json], form: tuple[int, bool]
) -> None:
    """Both ends are included; a log key without a start never counts."""
    root = sandbox.trusted_root()
    times = sorted(one.time for one in proved(sandbox, bundles[form]).times)
    exact = {"start": f"{times[0]:%Y-%m-%dT%H:%M:%S.%fZ}", "end": f"{times[-1]:%Y-%m-%dT%H:%M:%S.%fZ}"}
    for log in root["tlogs"]:
        log["publicKey"]["validFor"] = exact
    assert proved(sandbox, bundles[form], root=root).times
    for log in root["tlogs"]:
        log["publicKey"]["validFor"] = {"end": exact["end"]}
    assert code(sandbox, bundles[form], root=root) == "log-window"


def test_foreign_roots(sandbox: Sandbox, bundles: dict[tuple[int, bool], Json]) -> None:
    """Without its CA, its logs, its CT logs or its timestamp authority the root does not vouch for the bundle."""
    expected = {
        "certificateAuthorities": {"issuer-unknown"},
        "tlogs": {"log-unknown", "trust-root-outdated"},
        "ctlogs": {"sct-threshold", "trust-root-outdated"},
        "timestampAuthorities": {"time-threshold", "trust-root-outdated"},
    }
    for kind, codes in expected.items():
        root = {**sandbox.trusted_root(), kind: []}
        assert code(sandbox, bundles[(2, False)], root=root) in codes


def test_thresholds(sandbox: Sandbox, bundles: dict[tuple[int, bool], Json]) -> None:
    """They can be raised; one source never counts twice."""
    needs = {
        "entry-threshold": Thresholds(entries=2),
        "time-threshold": Thresholds(signed_times=2),
        "sct-threshold": Thresholds(scts=2),
        "witness-threshold": Thresholds(witnesses=1),
    }
    for expected, thresholds in needs.items():
        assert code(sandbox, bundles[(2, False)], thresholds=thresholds) == expected
    alone = {**bundles[(2, False)]}
    alone["verificationMaterial"] = {**alone["verificationMaterial"], "tlogEntries": []}
    assert code(sandbox, alone, thresholds=Thresholds(entries=0, witnesses=1)) == "witness-threshold", "no tree at all"


def test_the_future_is_refused(sandbox: Sandbox, bundles: dict[tuple[int, bool], Json]) -> None:
    """A log or authority whose clock is hours ahead of ours, or ours behind."""
    for form in FORMS:
        assert code(sandbox, bundles[form], now=RealClock().now() - timedelta(hours=5)) == "time-in-future"


def test_no_mutant_is_accepted(sandbox: Sandbox, bundles: dict[tuple[int, bool], Json]) -> None:
    """One changed bit in any text of the bundle is refused, but for members that carry no security meaning."""
    meaningless = {"keyid", "integratedTime"}  # a key hint; and what Rekor v2 says about time
    for form in FORMS:
        accepted = [path for path, mutant in mutants(bundles[form]) if _accepts(sandbox, mutant)]
        assert {path[-1] for path in accepted} <= meaningless


def _accepts(sandbox: Sandbox, bundle: Json) -> bool:
    try:
        proved(sandbox, bundle)
    except Refusal:
        return False
    return True


def mutants(bundle: Json) -> Iterator[tuple[tuple[str, ...], Json]]:
    """The bundle with one character of one text changed, for a spread of places in each text."""
    for path, text in _texts(bundle, ()):
        for at in sorted({0, 1, len(text) // 3, len(text) // 2, len(text) - 5, len(text) - 3}):
            if 0 <= at < len(text):
                mutant = json.loads(json.dumps(bundle))
                holder = mutant
                for key in path[:-1]:
                    holder = holder[int(key) if isinstance(holder, list) else key]
                char = "B" if text[at] != "B" else "C"
                holder[path[-1] if isinstance(holder, dict) else int(path[-1])] = text[:at] + char + text[at + 1 :]
                yield path, mutant


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str) and value:
        yield path, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _texts(member, (*path, name))
    elif isinstance(value, list):
        for at, member in enumerate(value):
            yield from _texts(member, (*path, str(at)))
