"""Merkle inclusion (RFC 6962 section 2.1, RFC 9162 section 2.1.3.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sigstep.errors import ProofError


def leaf_hash(body: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + body).digest()


def inclusion_root(leaf: bytes, index: int, size: int, hashes: Sequence[bytes]) -> bytes:
    """The root that an audit path leads to.

    Args:
        leaf: the leaf's hash, 32 bytes.
        index: its index, from 0, below ``size``.
        size: leaves in the tree.
        hashes: the audit path, 32 bytes each, the leaf's sibling first.

    Raises:
        ProofError: ``inclusion-proof-shape``: the path does not fit index and size.
    """
    inner = (index ^ (size - 1)).bit_length() if 0 <= index < size else 0
    border = (index >> inner).bit_count()
    if not 0 <= index < size or len(hashes) != inner + border or any(len(one) != 32 for one in hashes):
        raise ProofError(
            code="inclusion-proof-shape",
            what="the inclusion proof does not fit its tree",
            why=f"index {index}, size {size} and {len(hashes)} hashes do not belong together",
            fix="fetch the entry from the log again",
        )
    node = leaf
    for level, sibling in enumerate(hashes[:inner]):
        left, right = (sibling, node) if index >> level & 1 else (node, sibling)
        node = hashlib.sha256(b"\x01" + left + right).digest()
    for sibling in hashes[inner:]:
        node = hashlib.sha256(b"\x01" + sibling + node).digest()
    return node
