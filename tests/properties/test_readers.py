"""Whatever the bytes, a reader gives a value or sigstep's own error. ``make fuzz`` asks for many more examples."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle

from sigstep.errors import Refusal, SigstepError
from sigstep.model.bundle import Bundle, MessageSignature
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustMaterial
from sigstep.proofs.certificate import identity_of, load_leaf
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.proofs.timestamp import verify_timestamp
from sigstep.sandbox.local import Sandbox
from sigstep.verification.pipeline import establish
from sigstep.wire import signing_config
from sigstep.wire.note import parse_checkpoint
from sigstep.wire.rekor_body import parse_body
from sigstep.wire.signed_document import parse_signed
from sigstep.wire.statement import parse_statement
from sigstep.wire.trusted_root import parse_trusted_roots, trusted_root_of

EXAMPLES = int(os.environ.get("SIGSTEP_FUZZ_EXAMPLES", "150"))  # noqa: TID251
MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NOW = datetime(2040, 1, 1, tzinfo=timezone.utc)
READERS: dict[str, Callable[[bytes], object]] = {
    "bundle": parse_signed,
    "statement": parse_statement,
    "trusted root": lambda data: parse_trusted_roots(data, name="fuzz"),
    "signing config": signing_config.parse,
    "checkpoint": lambda data: parse_checkpoint(data.decode("latin-1")),
    "log entry": lambda data: parse_body(data, kind="dsse", version="0.0.1"),
    "certificate": lambda data: identity_of(load_leaf(data)),
    "time stamp": lambda data: verify_timestamp(data, b"", ()),
}


@pytest.mark.parametrize("name", READERS)
@MANY
@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)))
def test_bytes_of_strangers(name: str, data: bytes) -> None:
    """Nothing but a value or a `SigstepError`."""
    try:
        READERS[name](data)
    except SigstepError as error:
        assert error.code


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Signs the bundles that are damaged."""
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def trust(sandbox: Sandbox) -> PreparedTrust:
    """What the bundles are held against."""
    return prepare(TrustMaterial(roots=(trusted_root_of(sandbox.trusted_root(), name="sandbox"),)))


@pytest.fixture(scope="module")
def bundles(sandbox: Sandbox) -> tuple[str, ...]:
    """One bundle of each form."""
    forms = ((rekor, statement) for rekor in (1, 2) for statement in (False, True))
    return tuple(json.dumps(oracle_bundle(sandbox, rekor=rekor, statement=statement)) for rekor, statement in forms)


@MANY
@given(st.data())
def test_damaged_bundles(trust: PreparedTrust, bundles: tuple[str, ...], data: st.DataObject) -> None:
    """Text cut out, put in or replaced anywhere: refused, or still about the same signature by the same signer."""
    text = data.draw(st.sampled_from(bundles))
    start = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, 30))
    inserted = data.draw(st.sampled_from(("", "A", "=", "\x00", "{", '"', "\u20ac", "0", "null", text[:40])))
    damaged = text[:start] + inserted + text[start + length :]
    subject = Subject(name="artifact", digests=(Digest.of(ARTIFACT),))
    try:
        found = [establish(one.bundle, subject, trust, now=NOW) for one in parse_signed(damaged.encode())]
    except Refusal as error:
        assert error.code
        return
    whole = signed_part(parse_signed(text.encode())[0].bundle)
    assert [signed_part(one.bundle) for one in found] == [whole]


def signed_part(bundle: Bundle) -> tuple[object, ...]:
    """What a signature is over and by whom; hints (a key id, a stated digest) may go missing without harm."""
    if isinstance(bundle.content, MessageSignature):
        return bundle.material, bundle.content.signature
    return bundle.material, bundle.content.payload, bundle.content.payload_type, bundle.content.signatures[0].signature
