"""Pairs of pattern and image in the four dialects, against matchers written a second time from the engines' rules."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from sigstep.policy.image_patterns import Dialect, matches, parse_image

DIGEST = "@sha256:" + "a" * 64
NAMES = (
    "nginx",
    "acme/app",
    "ghcr.io/acme/app",
    "ghcr.io/acme/app-evil",
    "ghcr.io/acme/team/app",
    "localhost:5000/app",
)
ELSEWHERE = (
    "evil.example/ghcr.io/acme/app",
    "docker.io/library/nginx",
    "docker.io/acme/app",
    "index.docker.io/library/nginx",
)
IMAGES = tuple(
    f"{name}{tag}{digest}" for name, tag, digest in itertools.product((*NAMES, *ELSEWHERE), ("", ":v1"), ("", DIGEST))
)
PATTERNS = (
    *("*", "**", "*/*", "*:*", "nginx", "nginx*", "nginx:v1", "docker.io/nginx*", "docker.io/library/nginx*"),
    *("index.docker.io/library/nginx@*", "index.docker.io/**", "ghcr.io/acme/app", "ghcr.io/acme/app*"),
    *("ghcr.io/acme/app@*", "ghcr.io/acme/app:*", "ghcr.io/acme/app:v1", "ghcr.io/acme/app:v*", "ghcr.io/acme/*"),
    *("ghcr.io/acme/**", "ghcr.io/*/app@*", "ghcr.io/**/app@*", "*/acme/*", "**/app*", "localhost:5000/*", "*app*"),
    *("docker.io/acme/*", "acme/app*", "acme/*", "*@sha256:*", "ghcr.io/**", "*.example/**"),
)
PAIRS = list(itertools.product(PATTERNS, IMAGES))


def parts(written: str) -> tuple[str, str, str, str]:
    """Host, path, tag and digest as written."""
    rest, _, digest = written.partition("@")
    host = ""
    first = rest.split("/")[0]
    if "/" in rest and ("." in first or ":" in first):
        host, rest = first, rest[len(first) + 1 :]
    path, _, tag = rest.partition(":")
    return host, path, tag, digest


def simple(pattern: str, text: str, star: Callable[[str], bool]) -> bool:
    """Backtracking, on purpose another way than regular expressions; ``star`` says what ``*`` may stand for."""
    if not pattern:
        return not text
    if pattern.startswith("**"):
        return any(simple(pattern[2:], text[at:], star) for at in range(len(text) + 1))
    if pattern[0] == "*":
        return any(star(text[:at]) and simple(pattern[1:], text[at:], star) for at in range(len(text) + 1))
    return bool(text) and text[0] == pattern[0] and simple(pattern[1:], text[1:], star)


def hub(host: str, path: str) -> str:
    """Docker Hub as go-containerregistry writes it."""
    if host in ("", "docker.io", "index.docker.io"):
        return f"index.docker.io/{path if '/' in path else 'library/' + path}"
    return f"{host}/{path}"


def cluster_image_policy(pattern: str, written: str) -> bool:
    """By digest where there is one; ``*`` stays within a part."""
    host, path, tag, digest = parts(written)
    text = hub(host, path) + (f"@{digest}" if digest else f":{tag or 'latest'}")
    whole = {"*": "index.docker.io/library/*", "*/*": "index.docker.io/*/*"}.get(pattern, pattern)
    return simple(whole, text, lambda run: "/" not in run)


def kyverno(pattern: str, written: str) -> bool:
    """By digest where there is one, else by tag; Docker Hub without ``library/``; ``*`` is anything."""
    host, path, tag, digest = parts(written)
    text = f"{host or 'docker.io'}/{path}" + (f"@{digest}" if digest else f":{tag or 'latest'}")
    return simple(pattern, text, lambda run: True)


def kyverno_cel(pattern: str, written: str) -> bool:
    """The text of the pod as it is."""
    return simple(pattern, written, lambda run: True)


def connaisseur(pattern: str, written: str) -> bool:
    """Tag and digest; open at both ends."""
    host, path, tag, digest = parts(written)
    text = hub(host, path) + (f":{tag}" if tag else "" if digest else ":latest") + (f"@{digest}" if digest else "")
    return simple(f"*{pattern.strip('*')}*", text, lambda run: True)


ORACLES = {
    Dialect.CLUSTER_IMAGE_POLICY: cluster_image_policy,
    Dialect.KYVERNO: kyverno,
    Dialect.KYVERNO_CEL: kyverno_cel,
    Dialect.CONNAISSEUR: connaisseur,
}


def test_the_table_is_large() -> None:
    """Issue 9: at least 300 pairs in the four dialects."""
    assert len(PAIRS) >= 300
    assert set(ORACLES) == set(Dialect)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pairs(pattern: str) -> None:
    """Each engine matches what its rules say."""
    for image in IMAGES:
        for dialect, oracle in ORACLES.items():
            assert matches(dialect, pattern, parse_image(image)) is oracle(pattern, image), (dialect, image)


def test_the_traps() -> None:
    """What surprises people: patterns that select nothing, or more than they seem to."""
    pinned = f"ghcr.io/acme/app:v1{DIGEST}"

    def selected(pattern: str, image: str) -> list[bool]:
        return [matches(one, pattern, parse_image(image)) for one in Dialect]

    assert selected("ghcr.io/acme/app:v1", pinned) == [False, False, False, True]
    assert selected("ghcr.io/acme/app@*", pinned) == [True, True, False, False]
    assert selected("ghcr.io/acme/app*", f"ghcr.io/acme/app-evil:1{DIGEST}") == [True, True, True, True]
    assert selected("ghcr.io/acme/*", f"ghcr.io/acme/team/app{DIGEST}") == [False, True, True, True]
    assert selected("docker.io/library/nginx*", "nginx:1") == [False, False, False, True]
    assert selected("docker.io/nginx*", "nginx:1") == [False, True, False, False]
    assert selected("*", pinned) == [False, True, True, True]
    assert selected("registry.k8s.io/*:*", "evil.example/registry.k8s.io/x:1") == [False, False, False, True]
