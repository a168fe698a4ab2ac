"""A sample of `make fuzz`: what three verifiers say of the same mutants, and the reasons where they differ."""

from __future__ import annotations

import pytest
from tests.properties.agreement import main
from tests.properties.reasons import laxer, stricter


def test_every_disagreement_has_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """All three accept some and refuse some; nothing is unexplained."""
    assert main(400, seed=7) == 0
    said = capsys.readouterr().out
    assert said.startswith("400 mutants (seed 7)")
    assert "'---'" in said
    assert "'+++'" in said


def test_a_reason_is_for_its_change_alone() -> None:
    """One of two changes suffices, in either spelling of the names; another peer, code or change has none."""
    digest, renamed = "messageSignature.messageDigest dropped", "message_signature.message_digest dropped"
    assert laxer("javascript", [digest]) == laxer("javascript", ["mediaType emptied", renamed]) is not None
    assert laxer("python", [digest]) is None
    assert laxer("javascript", ["messageSignature.signature dropped"]) is None
    assert stricter("bundle-version", ["mediaType byte_of_text"]) is not None
    assert stricter("entry-signature", ["messageSignature.signature bit"]) is None
