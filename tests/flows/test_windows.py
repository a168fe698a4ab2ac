"""Windows of the trusted root: CA, CT log, Rekor log and timestamp authority; ended, not begun, ending exactly then."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from tests.sandboxes import sandbox

from sigstep.errors import Refusal
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustedKey, TrustMaterial
from sigstep.model.verified import TimeSource, Verified
from sigstep.ports.real import RealClock
from sigstep.proofs.certificate import load_leaf
from sigstep.proofs.prepared import prepare
from sigstep.sandbox.local import Sandbox
from sigstep.verification.pipeline import establish
from sigstep.wire.bundle import bundle_of
from sigstep.wire.trusted_root import trusted_root_of

__all__ = ["sandbox"]

Json = dict[str, Any]
SUBJECT = Subject(name="f", digests=(Digest.of(b"hello"),))
KINDS = {
    "certificateAuthorities": "authority-window",
    "ctlogs": "sct-window",
    "tlogs": "log-window",
    "timestampAuthorities": "timestamp-window",
}
MOMENT = timedelta(microseconds=1)


def proved(sandbox: Sandbox, bundle: Json, *roots: Json, keys: tuple[TrustedKey, ...] = ()) -> Verified:
    """What holds under trusted roots."""
    named = tuple(trusted_root_of(root, name=f"sandbox#{at}") for at, root in enumerate(roots))
    trust = prepare(TrustMaterial(roots=named, keys=keys))
    return establish(bundle_of(bundle), SUBJECT, trust, now=RealClock().now())


def with_window(sandbox: Sandbox, kind: str, start: datetime, end: datetime) -> Json:
    """The trusted root with another window of everything of that kind."""
    window = {"start": f"{start:%Y-%m-%dT%H:%M:%S.%fZ}", "end": f"{end:%Y-%m-%dT%H:%M:%S.%fZ}"}
    root = sandbox.trusted_root()
    for one in root[kind]:
        (one["publicKey"] if kind.endswith("logs") else one)["validFor"] = window
    return root


def times(verified: Verified, kind: str) -> tuple[datetime, datetime]:
    """The first and last time at which the authority's window counts."""
    if kind == "ctlogs":
        assert verified.certificate is not None
        scts = x509.load_der_x509_certificate(verified.certificate).extensions.get_extension_for_class(
            x509.PrecertificateSignedCertificateTimestamps
        )
        made = next(iter(scts.value)).timestamp.replace(tzinfo=timezone.utc)
        return made, made
    if kind == "timestampAuthorities":
        found = [one.time for one in verified.times if one.source is TimeSource.TIMESTAMP_AUTHORITY]
    elif kind == "tlogs" and any(one.integrated_time for one in verified.entries):
        found = [one.time for one in verified.times if one.source is TimeSource.TRANSPARENCY_LOG]
    else:
        found = [one.time for one in verified.times]
    return min(found), max(found)


@pytest.mark.parametrize("log", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_window(sandbox: Sandbox, kind: str, log: int) -> None:
    """Both ends are included (closed intervals); a moment less on either side is outside."""
    bundle = sandbox.forge.bundle(b"hello", log_version=log)
    first, last = times(proved(sandbox, bundle, sandbox.trusted_root()), kind)
    assert proved(sandbox, bundle, with_window(sandbox, kind, first, last)).identity is not None
    for start, end in (
        (first - timedelta(days=9), first - MOMENT),  # ended
        (last + MOMENT, last + timedelta(days=9)),  # not begun
        (first + MOMENT, last + timedelta(days=9)),
        (first - timedelta(days=9), last - MOMENT),
    ):
        with pytest.raises(Refusal) as caught:
            proved(sandbox, bundle, with_window(sandbox, kind, start, end))
        assert caught.value.code == KINDS[kind]


@pytest.mark.parametrize("log", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_with_several_windows(sandbox: Sandbox, kind: str, log: int) -> None:
    """It counts in each of them, in whatever order the trusted root lists them, and not between them."""
    bundle = sandbox.forge.bundle(b"hello", log_version=log)
    first, last = times(proved(sandbox, bundle, sandbox.trusted_root()), kind)
    before = with_window(sandbox, kind, first - timedelta(days=9), first - MOMENT)[kind]
    during = with_window(sandbox, kind, first, last)[kind]
    after = with_window(sandbox, kind, last + MOMENT, last + timedelta(days=9))[kind]
    for windows in (before + during, during + before, after + during + before):
        assert proved(sandbox, bundle, sandbox.trusted_root() | {kind: windows}).identity is not None
    with pytest.raises(Refusal) as caught:
        proved(sandbox, bundle, sandbox.trusted_root() | {kind: before + after})
    assert caught.value.code == KINDS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_and_a_current_root_of_one_instance(sandbox: Sandbox, kind: str) -> None:
    """Each counts by itself, in either order; what one lacks never comes from the other."""
    bundle = sandbox.forge.bundle(b"hello", log_version=2)
    first, last = times(proved(sandbox, bundle, sandbox.trusted_root()), kind)
    old = with_window(sandbox, kind, first - timedelta(days=9), first - MOMENT)
    other = "ctlogs" if kind == "tlogs" else "tlogs"
    wanting = with_window(sandbox, other, last + timedelta(days=1), last + timedelta(days=9))
    current = sandbox.trusted_root()
    for roots in ((old, current), (current, old)):
        assert proved(sandbox, bundle, *roots).root == f"sandbox#{roots.index(current)}"
    with pytest.raises(Refusal):
        proved(sandbox, bundle, old, wanting)


def test_a_key_with_an_old_and_a_current_root(sandbox: Sandbox) -> None:
    """A key of the caller belongs to no root: any of those that know the log proves its entry."""
    bundle = sandbox.forge.bundle(b"hello")
    leaf = proved(sandbox, bundle, sandbox.trusted_root()).certificate
    assert leaf is not None
    key = TrustedKey(key=load_leaf(leaf).key.spki)
    time = RealClock().now() - timedelta(days=1)
    old = with_window(sandbox, "tlogs", time - timedelta(days=9), time)
    current = sandbox.trusted_root()
    for roots in ((old, current), (current, old)):
        assert proved(sandbox, bundle, *roots, keys=(key,)).entries
    with pytest.raises(Refusal) as caught:
        proved(sandbox, bundle, old, keys=(key,))
    assert caught.value.code == "log-window"


def test_the_refusal_of_the_root_that_proves_most_is_told(sandbox: Sandbox) -> None:
    """Not that of one that knows less, wherever it stands."""
    bundle = sandbox.forge.bundle(b"hello", log_version=2, certificate={"scts": 0})
    less = sandbox.trusted_root() | {"tlogs": []}
    for roots in ((less, sandbox.trusted_root()), (sandbox.trusted_root(), less)):
        with pytest.raises(Refusal) as caught:
            proved(sandbox, bundle, *roots)
        assert caught.value.code == "sct-threshold"


@pytest.mark.parametrize("kind", ["tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"])
def test_without_a_start(sandbox: Sandbox, kind: str) -> None:
    """What has no start never counts."""
    bundle = sandbox.forge.bundle(b"hello", log_version=2)
    root = sandbox.trusted_root()
    for one in root[kind]:
        (one["publicKey"] if kind.endswith("logs") else one)["validFor"] = {}
    with pytest.raises(Refusal) as caught:
        proved(sandbox, bundle, root)
    assert caught.value.code == KINDS[kind]
