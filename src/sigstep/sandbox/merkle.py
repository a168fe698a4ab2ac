"""A growing Merkle tree with audit paths (RFC 6962, 2.1)."""

from __future__ import annotations

import hashlib


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Leaves in order; the hashes of all full subtrees are kept, so that a path costs few steps."""

    def __init__(self) -> None:
        self._levels: list[list[bytes]] = [[]]

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> int:
        """Add a leaf; its index."""
        index = len(self)
        value, level = leaf_hash(leaf), 0
        while True:
            if level == len(self._levels):
                self._levels.append([])
            row = self._levels[level]
            row.append(value)
            if len(row) % 2:
                return index
            value, level = node_hash(row[-2], row[-1]), level + 1

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        return self._range(0, len(self)) if len(self) else hashlib.sha256().digest()

    def path(self, index: int) -> tuple[bytes, ...]:
        """The audit path of a leaf in the tree as it is now, from the leaf upwards."""
        start, end, hashes = 0, len(self), []
        while end - start > 1:
            split = start + (1 << ((end - start - 1).bit_length() - 1))
            if index < split:
                hashes.append(self._range(split, end))
                end = split
            else:
                hashes.append(self._range(start, split))
                start = split
        return tuple(reversed(hashes))

    def _range(self, start: int, end: int) -> bytes:
        size = end - start
        if size & (size - 1) == 0:
            level = size.bit_length() - 1
            return self._levels[level][start >> level]
        split = start + (1 << ((size - 1).bit_length() - 1))
        return node_hash(self._range(start, split), self._range(split, end))
