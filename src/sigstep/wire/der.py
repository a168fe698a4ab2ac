"""DER, read strictly: definite minimal lengths, no byte left over (X.690 sections 8 and 10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OID: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
_LONGEST: Final = 4  # bytes of a length


class DerError(ValueError):
    """Bytes that are not DER, or of another shape than expected."""


class Der:
    """A run of DER values in ``data``, taken one after the other."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self._data, self._at, self._end = data, at, len(data) if end is None else end

    @property
    def tag(self) -> int:
        """Tag of the next value; 0 at the end."""
        return self._data[self._at] if self._at < self._end else 0

    def take(self, tag: int) -> Der:
        """The content of the next value, which has to have that tag.

        Raises:
            DerError: it has another one, or its length is not DER.
        """
        start, end = self._bounds(tag)
        self._at = end
        return Der(self._data, start, end)

    def whole(self, tag: int) -> bytes:
        """The next value with its tag and length.

        Raises:
            DerError: see `take`.
        """
        begin = self._at
        _, end = self._bounds(tag)
        self._at = end
        return self._data[begin:end]

    def content(self, tag: int) -> bytes:
        """The bytes inside the next value.

        Raises:
            DerError: see `take`.
        """
        start, end = self._bounds(tag)
        self._at = end
        return self._data[start:end]

    def each(self, tag: int) -> Iterator[Der]:
        """The contents of all values that are left, each of that tag."""
        while self._at < self._end:
            yield self.take(tag)

    def skip(self, *tags: int) -> None:
        """Pass the next value over where it has one of the tags."""
        if self.tag in tags:
            self.take(self.tag)

    def done(self) -> None:
        """Refuse what is left.

        Raises:
            DerError: something is left.
        """
        if self._at != self._end:
            raise DerError("bytes are left over")

    def _bounds(self, tag: int) -> tuple[int, int]:
        data, at = self._data, self._at
        if at + 2 > self._end or data[at] != tag:
            raise DerError(f"a value of tag {tag:#04x} is missing")
        length = data[at + 1]
        start = at + 2
        if length >= 0x80:
            count = length & 0x7F
            if not 1 <= count <= _LONGEST or start + count > self._end:
                raise DerError("a length is not definite")
            length = int.from_bytes(data[start : start + count], "big")
            start += count
            if length < 0x80 or length >> 8 * (count - 1) == 0:
                raise DerError("a length is not minimal")
        if start + length > self._end:
            raise DerError("a value ends behind its container")
        return start, start + length
