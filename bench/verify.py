"""Bundles verified in one process: sigstep against sigstore-python's Verifier, the same bundles in the same run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from sigstore.models import Bundle, ClientTrustConfig
from sigstore.verify import Verifier
from sigstore.verify.policy import UnsafeNoOp
from tests.flows.signing_oracle import ARTIFACT, oracle_bundle

from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustMaterial
from sigstep.proofs.prepared import prepare
from sigstep.sandbox.local import Sandbox
from sigstep.verification.pipeline import establish
from sigstep.wire.bundle import parse_bundle
from sigstep.wire.trusted_root import trusted_root_of

ROUNDS, REPEATS = 5, 100
TARGETS = {1: 1.25, 2: 1.3}


def seconds(action: Callable[[], object]) -> float:
    """The best round's time for one call."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(REPEATS):
            action()
        best = min(best, (time.perf_counter() - began) / REPEATS)
    return best


def main() -> None:
    """One line for each log version."""
    with Sandbox() as sandbox:
        trust = prepare(TrustMaterial(roots=(trusted_root_of(sandbox.trusted_root(), name="sandbox"),)))
        config = ClientTrustConfig.from_json(json.dumps(sandbox.client_trust_config()))
        peer = Verifier(trusted_root=config.trusted_root)
        now = datetime.now(timezone.utc) + timedelta(minutes=1)  # noqa: TID251
        for rekor, target in TARGETS.items():
            data = json.dumps(oracle_bundle(sandbox, rekor=rekor, statement=False))

            def ours(data: str = data) -> object:
                subject = Subject(name="artifact", digests=(Digest.of(ARTIFACT),))
                return establish(parse_bundle(data.encode()), subject, trust, now=now)

            def theirs(data: str = data) -> object:
                return peer.verify_artifact(ARTIFACT, Bundle.from_json(data), UnsafeNoOp())

            mine, other = seconds(ours), seconds(theirs)
            print(
                f"Rekor v{rekor}: sigstep {mine * 1000:.2f} ms, sigstore-python {other * 1000:.2f} ms, "
                f"ratio {other / mine:.2f} (wanted {target})"
            )


if __name__ == "__main__":
    main()
