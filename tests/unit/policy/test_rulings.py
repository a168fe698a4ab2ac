"""What engines share: a key whose signatures may have another digest is not judged."""

from __future__ import annotations

import pytest

from sigstep.model.trust import TrustedKey
from sigstep.policy.engine import Unjudged
from sigstep.policy.rulings import check_algorithm
from sigstep.signing.keys import ephemeral_key


@pytest.mark.parametrize(
    ("kind", "algorithm", "judged"),
    [
        ("ecdsa-p256", "sha256", True),
        ("ecdsa-p256", "sha512", False),
        ("ecdsa-p384", "sha256", False),
        ("ecdsa-p384", "sha384", False),
        ("ed25519", "sha256", True),
    ],
)
def test_algorithms(kind: str, algorithm: str, judged: bool) -> None:
    """P-384 keys were used with SHA-256 by old clients: both verify here, and the engine takes one."""
    key = TrustedKey(key=ephemeral_key(kind).spki)
    if judged:
        check_algorithm(key, algorithm)
        return
    with pytest.raises(Unjudged):
        check_algorithm(key, algorithm)
