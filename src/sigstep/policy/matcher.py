"""Ways to match text: exactly, by glob, or by a regular expression that is always anchored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from sigstep.errors import UsageError

if TYPE_CHECKING:
    import re

MATCHER_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Matcher:
    """``text`` as an exact value, a glob or a regular expression (RE2 syntax, anchored at both ends by us).

    In a glob ``*`` stands for any text without ``/``, ``**`` for any text, and nothing else is special. With
    ``ignore_case`` ASCII letters compare without case.
    """

    text: str
    kind: Literal["exact", "glob", "regex"] = "exact"
    ignore_case: bool = False

    def __post_init__(self) -> None:
        if not self.text or len(self.text) > MATCHER_CHARACTERS:
            raise UsageError(
                code="matcher-empty",
                what="a pattern is empty or too long",
                why="an empty pattern would match nothing, or everything",
                fix=f"write what to match, in at most {MATCHER_CHARACTERS} characters",
            )
        if self.kind != "exact":
            _compiled(self)

    def matches(self, value: str) -> bool:
        """Whether the whole of ``value`` matches."""
        if self.kind == "exact":
            return _one_case(value) == _one_case(self.text) if self.ignore_case else value == self.text
        return _compiled(self).fullmatch(value) is not None

    @property
    def expression(self) -> str:
        """The same as a regular expression (RE2), without anchors."""
        import re2

        if self.kind == "exact":
            return str(re2.escape(self.text))
        return _glob(self.text) if self.kind == "glob" else self.text

    def __str__(self) -> str:
        return self.text if self.kind == "exact" else f"{self.kind} {self.text}"


def _one_case(text: str) -> str:
    """ASCII in lower case; other letters stay, of which some have ASCII letters as their lower case (U+212A is k)."""
    return text.lower() if text.isascii() else text


def search(pattern: str, text: str) -> bool:
    """Whether a regular expression (RE2) is found anywhere in a text, as Go's ``MatchString`` does.

    For the policies of engines, which do not anchor; this project's own patterns are always a `Matcher`.

    Raises:
        UsageError: ``matcher-malformed``, ``matcher-empty``.
    """
    return _compiled(Matcher(pattern, "regex")).search(text) is not None


@lru_cache(maxsize=1024)
def _compiled(matcher: Matcher) -> re.Pattern[str]:
    """The pattern, compiled by RE2: linear time whatever it is."""
    import re2

    source = _glob(matcher.text) if matcher.kind == "glob" else matcher.text
    options = re2.Options()
    options.case_sensitive = not matcher.ignore_case
    options.log_errors = False
    try:
        compiled: re.Pattern[str] = re2.compile(f"(?:{source})", options=options)
    except re2.error as error:
        raise UsageError(
            code="matcher-malformed",
            what=f"{matcher.text[:100]!r} is not a regular expression",
            why=_reason(error)[:200],
            fix="use RE2 syntax, or an exact value or a glob",
        ) from None
    return compiled


def _reason(error: Exception) -> str:
    """RE2 gives its reason as bytes."""
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _glob(text: str) -> str:
    import re2

    runs = ("[^/]*".join(re2.escape(piece) for piece in run.split("*")) for run in text.split("**"))
    return "(?s:.*)".join(runs)
