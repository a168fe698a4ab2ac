"""Bundles verified in one process: sigstep against sigstore-python's Verifier and the bare signature checks.

The same bundles in the same run, in turns; each figure is the best round's time for one bundle. A bare check is what no
verifier can leave out: the issuer's signature on the certificate, the SCT, the log's promise and checkpoint, the
signature over the artifact. Public bundles come from $SIGSTEP_SHARED where it is there, others from the sandbox.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import UnsafeNoOp
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle

from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustMaterial
from sigstep.proofs import keys
from sigstep.proofs.prepared import prepare
from sigstep.sandbox.local import Sandbox
from sigstep.verification.pipeline import establish
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.trusted_root import parse_trusted_roots

ROUNDS, REPEATS = 100, 20
NOW = datetime(2090, 1, 1, tzinfo=timezone.utc)
SHARED = Path(os.environ.get("SIGSTEP_SHARED", "../shared"))  # noqa: TID251
PUBLIC = {
    "Rekor v1, public": "sigstore-java-bundle.v3.sigstore",
    "Rekor v2 with TSA, public": "conformance-rekor2-happy-path",
}


@dataclass(frozen=True)
class Case:
    """One bundle with its artifact and trusted root; the ratios that are wanted."""

    name: str
    bundle: str
    artifact: bytes
    root: bytes
    peer_ratio: float
    bare_ratio: float | None


def cases(sandbox: Sandbox) -> Iterator[Case]:
    """The public ones, and one of each log of the sandbox."""
    for name, folder in PUBLIC.items():
        place = SHARED / "corpus" / folder
        if not place.is_dir():
            print(f"{name}: not there ($SIGSTEP_SHARED)")
            continue
        root = json.loads((place / "case.json").read_text())["root"]
        file = place / "trusted_root.json" if root == "own" else SHARED / "trust" / f"{root}.trusted_root.json"
        v1 = "v1" in name
        bundle = (place / "bundle.sigstore.json").read_text()
        artifact = (place / "artifact").read_bytes()
        yield Case(name, bundle, artifact, file.read_bytes(), 1.25 if v1 else 1.3, 1.45 if v1 else None)
    root = json.dumps(sandbox.trusted_root()).encode()
    first = oracle_bundle(sandbox, rekor=1, statement=False)
    del first["verificationMaterial"]["timestampVerificationData"]
    yield Case("Rekor v1, sandbox", json.dumps(first), ARTIFACT, root, 1.25, 1.45)
    second = json.dumps(oracle_bundle(sandbox, rekor=2, statement=False))
    yield Case("Rekor v2 with TSA, sandbox", second, ARTIFACT, root, 1.3, None)


def bare(action: Callable[[], object]) -> Callable[[], None]:
    """The signature checks that an action makes, alone."""
    made: list[tuple[keys.PublicKey, bytes, bytes, object, bool]] = []
    original = keys._holds  # noqa: SLF001

    def record(key: keys.PublicKey, signature: bytes, data: bytes, algorithm: object, *, prehashed: bool) -> bool:
        held = original(key, signature, data, algorithm, prehashed=prehashed)  # type: ignore[arg-type]
        if held:
            made.append((key, signature, data, algorithm, prehashed))
        return held

    keys._holds = record  # type: ignore[assignment]  # noqa: SLF001
    try:
        action()
    finally:
        keys._holds = original  # noqa: SLF001

    def checks() -> None:
        for key, signature, data, algorithm, prehashed in made:
            original(key, signature, data, algorithm, prehashed=prehashed)  # type: ignore[arg-type]

    return checks


def in_turns(*actions: Callable[[], object]) -> list[float]:
    """Milliseconds for one call of each, the best round."""
    gc.freeze()  # each alone would not have what the others loaded
    best = [float("inf")] * len(actions)
    for _ in range(ROUNDS):
        for at, action in enumerate(actions):
            began = time.perf_counter()
            for _ in range(REPEATS):
                action()
            best[at] = min(best[at], (time.perf_counter() - began) / REPEATS * 1000)
    return best


def main() -> None:
    """One line for each case."""
    logging.disable(logging.CRITICAL)
    with Sandbox() as sandbox:
        for case in cases(sandbox):
            trust = prepare(TrustMaterial(roots=parse_trusted_roots(case.root, name="bench")))
            file = sandbox.folder / "bench.json"
            file.write_bytes(case.root)
            peer = Verifier(trusted_root=TrustedRoot.from_file(str(file)))

            def ours(case: Case = case, trust: object = trust) -> object:
                subject = Subject(name="artifact", digests=(Digest.of(case.artifact),))
                return establish(parse_bundle(case.bundle.encode()), subject, trust, now=NOW)  # type: ignore[arg-type]

            def theirs(case: Case = case, peer: Verifier = peer) -> object:
                return peer.verify_artifact(case.artifact, Bundle.from_json(case.bundle), UnsafeNoOp())

            mine, other, least = in_turns(ours, theirs, bare(ours))
            wanted = f", {mine / least:.2f} times the bare checks (wanted {case.bare_ratio})" if case.bare_ratio else ""
            print(
                f"{case.name}: sigstep {mine:.2f} ms, sigstore-python {other:.2f} ms, "
                f"{other / mine:.2f} times as fast (wanted {case.peer_ratio}){wanted}"
            )


if __name__ == "__main__":
    main()
