"""The table of options in the how-to has a row for every option that the real tools list."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from tests.flows.test_translations import rows
from tests.interop.tools import tool

COMMANDS = {
    "cosign verify-blob": ("cosign", ["verify-blob", "--help"]),
    "cosign verify-blob-attestation": ("cosign", ["verify-blob-attestation", "--help"]),
    "gh attestation verify": ("gh", ["attestation", "verify", "--help"]),
    "sigstore verify identity": ("", ["verify", "identity", "--help"]),
    "sigstore verify github": ("", ["verify", "github", "--help"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_row(name: str) -> None:
    """Issue 3: the whole flag sets are expressible."""
    peer, arguments = COMMANDS[name]
    program = [tool(peer)] if peer else [sys.executable, "-m", "sigstore"]
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False, timeout=60)
    listed = re.findall(r"^ +(?:-\w, )?--([A-Za-z0-9-]+)", done.stdout + done.stderr, re.MULTILINE)
    family = name.partition(" ")[0]
    told = {
        flag
        for section, theirs, _ in rows()
        if section.startswith(family)
        for flag in re.findall(r"--([\w-]+)", theirs)
    }
    assert len(listed) > 5
    assert set(listed) - {"help"} <= told
