"""Base64 in checkpoints has one form."""

from __future__ import annotations

import pytest

from sigstep.errors import FormatError
from sigstep.wire.note import parse_checkpoint

ROOT = "A" * 43 + "="


def test_one_form_of_base64() -> None:
    """Set bits behind the last byte would make two texts of one checkpoint."""
    line = "\u2014 log.example AAAAAAA="
    assert parse_checkpoint(f"log.example\n1\n{ROOT}\n\n{line}\n").signatures[0].name == "log.example"
    for text in (
        f"log.example\n1\n{ROOT}\n\n{line.replace('A=', 'B=')}\n",
        f"log.example\n1\n{ROOT.replace('A=', 'B=')}\n\n{line}\n",
    ):
        with pytest.raises(FormatError) as caught:
            parse_checkpoint(text)
        assert caught.value.code == "checkpoint-malformed"
