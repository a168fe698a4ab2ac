"""The sandbox's tree against the definition of RFC 6962, 2.1."""

from __future__ import annotations

import hashlib

import pytest

from sigstep.proofs import merkle as verifier
from sigstep.sandbox.merkle import Tree, leaf_hash, node_hash


def defined(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, by its definition."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(defined(leaves[:split]), defined(leaves[split:]))


@pytest.mark.parametrize("size", range(1, 18))
def test_roots_and_paths(size: int) -> None:
    """Each root is the defined one, and the verifier's own code folds each path to it."""
    leaves = [bytes([number]) for number in range(size)]
    tree = Tree()
    assert [tree.append(leaf) for leaf in leaves] == list(range(size))
    assert tree.root() == defined(leaves)
    for index, leaf in enumerate(leaves):
        assert verifier.inclusion_root(leaf_hash(leaf), index, size, tree.path(index)) == tree.root()


def test_empty_tree() -> None:
    """The root of no leaves is the hash of nothing."""
    assert Tree().root() == hashlib.sha256(b"").digest()
