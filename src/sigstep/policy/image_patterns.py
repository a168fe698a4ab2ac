"""Image patterns in the dialect of each admission engine, and the text that each engine matches them against.

Sources: policy-controller ``pkg/apis/glob``, Kyverno ``ext/wildcard`` and ``pkg/utils/image``, gobwas/glob, and
Connaisseur ``internal/policy``, at the versions of the documentation page of each.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

from sigstep.errors import UsageError
from sigstep.policy.matcher import Matcher

_ALLOWED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:/*.@")
_LATEST: Final = "latest"
_GLOB_PART: Final = re.compile(
    r"\*+|\[(?P<not>!?)(?:(?P<range>\w-\w)|(?P<class>[^\]\[!-]+))\]|\\.|[^\[\]\\]", re.DOTALL | re.ASCII
)
_GLOB_MEANS: Final = {"*": "(?s:.*)", "?": "(?s:.)", "{": "(?:", "}": ")", ",": "|"}
_ALTERNATIVES: Final = 8  # braces in braces


class Dialect(enum.Enum):
    """The pattern dialects that are known."""

    CLUSTER_IMAGE_POLICY = "cluster-image-policy"
    KYVERNO = "kyverno"
    KYVERNO_CEL = "kyverno-cel"
    CONNAISSEUR = "connaisseur"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image reference taken apart, with nothing filled in: empty where it is not written."""

    host: str
    path: str
    tag: str
    digest: str
    written: str


def parse_image(text: str) -> Image:
    """Take a reference apart (distribution/reference grammar: a first part with a dot, a colon or localhost is a host).

    Raises:
        UsageError: ``image-pattern``.
    """
    rest, at, digest = text.partition("@")
    head, slash, tail = rest.partition("/")
    named = bool(slash) and ("." in head or ":" in head or head == "localhost")
    host, path = (head, tail) if named else ("", rest)
    path, _, tag = path.partition(":")
    if not path or (at and ":" not in digest) or any(character.isspace() for character in text):
        raise _unusable(text, "it is no image reference")
    return Image(host=host, path=path, tag=tag, digest=digest, written=text)


def matched_text(dialect: Dialect, image: Image) -> str:
    """The text that the engine holds its patterns against when a pod with that image is admitted.

    ClusterImagePolicy sees the digest only (its webhook resolved the tag before); without a digest there is nothing
    it could match, and the text is the tag form that its tester sees.
    """
    if dialect is Dialect.KYVERNO_CEL:
        return image.written
    if dialect is Dialect.KYVERNO:
        base = f"{image.host or 'docker.io'}/{image.path}"
        return f"{base}@{image.digest}" if image.digest else f"{base}:{image.tag or _LATEST}"
    host = "index.docker.io" if image.host in ("", "docker.io", "index.docker.io") else image.host
    library = "library/" if host == "index.docker.io" and "/" not in image.path else ""
    base = f"{host}/{library}{image.path}"
    if dialect is Dialect.CLUSTER_IMAGE_POLICY:
        return f"{base}@{image.digest}" if image.digest else f"{base}:{image.tag or _LATEST}"
    tag = f":{image.tag}" if image.tag else ("" if image.digest else f":{_LATEST}")
    return f"{base}{tag}@{image.digest}" if image.digest else f"{base}{tag}"


def repository_pattern(pattern: str) -> str:
    """A pattern of the policy file for repositories, with Docker Hub's names written in one way.

    ``nginx`` and ``index.docker.io/nginx`` become ``docker.io/library/nginx``, and a host is in lower case, as of
    references.

    Raises:
        UsageError: ``image-pattern``: it has a tag or a digest, or could match no repository: names are lower case.
    """
    head, slash, tail = pattern.partition("/")
    host = bool(slash) and ("." in head or ":" in head or "*" in head or head == "localhost")
    if host:
        head = head.lower()
        pattern = f"{head}/{tail}"
    if (tail if host else pattern) != (tail if host else pattern).lower() or "//" in pattern or pattern.endswith("/"):
        raise _unusable(pattern, "no repository has such a name: they are lower case, in parts between single slashes")
    if "@" in pattern or ":" in pattern.rpartition("/")[2] or not pattern or any(one.isspace() for one in pattern):
        raise _unusable(pattern, "the policy file names repositories, without tags and digests")
    if host:
        if head not in ("docker.io", "index.docker.io", "registry-1.docker.io"):
            return pattern
    elif "*" in head:
        return pattern
    else:
        tail = pattern
    return f"docker.io/{tail}" if "/" in tail or "*" in tail else f"docker.io/library/{tail}"


def matches(dialect: Dialect, pattern: str, image: Image) -> bool:
    """Whether the engine applies a policy with that pattern to the image.

    Raises:
        UsageError: ``image-pattern``: the engine refuses the pattern, or it uses what is not evaluated here.
    """
    if not pattern:
        raise _unusable(pattern, "it is empty")
    return Matcher(_expression(dialect, pattern), "regex").matches(matched_text(dialect, image))


def _expression(dialect: Dialect, pattern: str) -> str:
    if dialect is Dialect.CLUSTER_IMAGE_POLICY:
        return _cluster_image_policy(pattern)
    if dialect is Dialect.KYVERNO:
        return _translate(pattern, {"*": "(?s:.*)", "?": "(?s:.)"})
    if dialect is Dialect.CONNAISSEUR:
        pattern = f"*{pattern.strip('*')}*"
    return _gobwas(pattern)


def _gobwas(pattern: str) -> str:
    """gobwas/glob without separators: ``*`` and ``**``, ``?``, classes, alternatives and escapes."""
    import re2

    found: list[str] = []
    at = depth = 0
    while at < len(pattern):
        match = _GLOB_PART.match(pattern, at)
        if match is None:
            raise _unusable(pattern, "a class or an escape of this glob has no end")
        at = match.end()
        part = match[0]
        if part[0] == "{":
            depth += 1
        elif part[0] == "}":
            depth -= 1
        if match["range"] and match["range"][0] > match["range"][2]:
            raise _unusable(pattern, "a range of this glob is backwards")
        if depth < 0 or depth > _ALTERNATIVES:
            raise _unusable(pattern, "the braces of this glob do not belong together")
        if part[0] == "[":
            inside = re2.escape(match["class"]) if not match["range"] else match["range"]
            found.append(f"[{'^' if match['not'] else ''}{inside}]")
        else:
            part = "*" if part[0] == "*" else part
            found.append(_GLOB_MEANS.get(part if part != "," or depth else "", re2.escape(part.removeprefix("\\"))))
    if depth:
        raise _unusable(pattern, "the braces of this glob do not belong together")
    return "".join(found)


def _cluster_image_policy(pattern: str) -> str:
    if not set(pattern) <= _ALLOWED:
        raise _unusable(pattern, "a ClusterImagePolicy glob takes letters, digits and -_:/*.@ only")
    whole = {"*": "index.docker.io/library/*", "*/*": "index.docker.io/*/*"}.get(pattern, pattern)
    return "(?s:.*)".join(_translate(run, {"*": "[^/]*"}) for run in whole.split("**"))


def _translate(pattern: str, special: dict[str, str]) -> str:
    import re2

    return "".join(special.get(character) or re2.escape(character) for character in pattern)


def _unusable(text: str, why: str) -> UsageError:
    return UsageError(
        code="image-pattern",
        what=f"{text[:100]!r} cannot be used to select images",
        why=why,
        fix="write the repository, with * where any text may stand",
    )
