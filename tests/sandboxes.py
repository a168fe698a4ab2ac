"""Running sandboxes for tests: one per module, in threads of the test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sigstep.sandbox.local import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox like the public instance; its signing config names Rekor v1."""
    with Sandbox() as running:
        yield running
        running.faults.clear()


@pytest.fixture(scope="module")
def private_sandbox() -> Iterator[Sandbox]:
    """A sandbox like GitHub's instance for private repositories."""
    with Sandbox(private=True) as running:
        yield running
