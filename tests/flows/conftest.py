"""Fixtures of the flow tests."""

from __future__ import annotations

from tests.sandboxes import private_sandbox, sandbox

__all__ = ["private_sandbox", "sandbox"]
