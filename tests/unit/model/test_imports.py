"""Every value of the model can be made on every Python that is supported."""

from __future__ import annotations

from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding


def test_defaults_are_empty_mappings() -> None:
    """A mapping proxy cannot be a plain default before Python 3.12."""
    assert not Subject(name="a", digests=(Digest.of(b"a"),)).annotations
    assert not Finding(code="policy-empty", what="x").details
