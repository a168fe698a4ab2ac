"""Merkle inclusion against a tree that is built the slow way (RFC 6962 section 2.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.refusals import code_of

from sigstep.proofs.merkle import inclusion_root, leaf_hash


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*path(index, leaves[:split]), tree_hash(leaves[split:])]
    return [*path(index - split, leaves[split:]), tree_hash(leaves[:split])]


@given(st.integers(1, 70), st.data())
def test_every_leaf_leads_to_the_root(size: int, data: st.DataObject) -> None:
    """RFC 6962 sections 2.1 and 2.1.1."""
    index = data.draw(st.integers(0, size - 1))
    leaves = [bytes([at]) for at in range(size)]
    assert inclusion_root(leaf_hash(leaves[index]), index, size, path(index, leaves)) == tree_hash(leaves)


@given(st.integers(2, 70), st.data())
def test_one_wrong_bit_leads_elsewhere(size: int, data: st.DataObject) -> None:
    """A proof that was changed proves something else."""
    index = data.draw(st.integers(0, size - 1))
    leaves = [bytes([at]) for at in range(size)]
    hashes = path(index, leaves)
    at = data.draw(st.integers(0, len(hashes) - 1))
    hashes[at] = bytes([hashes[at][0] ^ 1]) + hashes[at][1:]
    assert inclusion_root(leaf_hash(leaves[index]), index, size, hashes) != tree_hash(leaves)


def test_shapes_that_do_not_fit() -> None:
    """Index beyond the tree, an empty tree, too many or too few hashes, hashes of another length."""
    leaf = leaf_hash(b"x")
    for index, size, hashes in ((1, 1, []), (0, 0, []), (-1, 4, []), (0, 2, []), (0, 1, [leaf]), (0, 2, [b"short"])):
        assert code_of(lambda i=index, s=size, h=hashes: inclusion_root(leaf, i, s, h)) == "inclusion-proof-shape"  # type: ignore[misc]
