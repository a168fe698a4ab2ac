"""Whom the tests of the main line run against: the sandbox, or real servers with ``SIGSTEP_STACK=real``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest

from sigstep.sandbox.local import Sandbox


class Stack(Protocol):
    """What the tests need of a Sigstore instance."""

    @property
    def trust_config_file(self) -> Path:
        """Client trust config that names Rekor v1."""
        ...

    @property
    def trusted_root_file(self) -> Path:
        """Trusted root."""
        ...

    def client_trust_config(self, log_version: int) -> dict[str, Any]:
        """Client trust config for one log version."""
        ...

    def token(self, audience: str = "sigstore", **claims: Any) -> str:
        """An OIDC token."""
        ...

    def environ(self) -> dict[str, str]:
        """What a runner step has."""
        ...


def open_stack(kind: str) -> AbstractContextManager[Stack]:
    """The stack of that kind, not yet started."""
    if kind == "real":
        from tests.interop.stack.real import RealStack

        return RealStack()
    assert kind == "sandbox", "SIGSTEP_STACK is real or sandbox"
    return Sandbox()


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The stack that ``SIGSTEP_STACK`` names; the sandbox by default."""
    with open_stack(os.environ.get("SIGSTEP_STACK", "sandbox")) as running:  # noqa: TID251
        yield running
