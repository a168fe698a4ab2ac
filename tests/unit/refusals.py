"""What tests say about errors: the code, whatever the words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sigstep.errors import SigstepError


def code_of(action: Callable[[], object]) -> str:
    """The code of the error that an action raises; it has to raise one."""
    with pytest.raises(SigstepError) as caught:
        action()
    assert caught.value.what
    return caught.value.code
