"""Fixtures of the flow tests."""

from __future__ import annotations

import pytest
from tests.sandboxes import private_sandbox, sandbox

from sigstep.sandbox.local import Sandbox

__all__ = ["private_sandbox", "sandbox"]


@pytest.fixture(autouse=True)
def github_on_loopback(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks github.com: without anything else it asks the sandbox, which knows nothing at first."""
    monkeypatch.setenv("GITHUB_API_URL", f"{sandbox.url}/github")
    monkeypatch.delenv("GH_TOKEN", raising=False)
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
