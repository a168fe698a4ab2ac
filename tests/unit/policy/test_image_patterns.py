"""The four dialects over one table, with the traps that decide whether a policy holds."""

from __future__ import annotations

import itertools

import pytest
from tests.unit.refusals import code_of

from sigstep.policy.image_patterns import Dialect, matches, parse_image

CIP, CPOL, CEL, CON = Dialect
AT = "@sha256:" + "a" * 64
APP, EVIL, NGINX = f"ghcr.io/acme/app:v1{AT}", f"ghcr.io/acme/app-evil:1{AT}", f"nginx:1{AT}"
ELSEWHERE = f"evil.example/ghcr.io/acme/app:v1{AT}"
DEEP = f"ghcr.io/acme/team/app:v1{AT}"

# pattern: images it matches, for each engine in the order of the enumeration
TABLE: dict[str, tuple[set[str], set[str], set[str], set[str]]] = {
    "ghcr.io/acme/app": (set(), set(), set(), {APP, EVIL, ELSEWHERE}),
    "ghcr.io/acme/app:v1": (set(), set(), set(), {APP, ELSEWHERE}),
    "ghcr.io/acme/app*": ({APP, EVIL}, {APP, EVIL}, {APP, EVIL}, {APP, EVIL, ELSEWHERE}),
    "ghcr.io/acme/app@*": ({APP}, {APP}, set(), set()),
    "ghcr.io/acme/app:*": (set(), set(), {APP}, {APP, ELSEWHERE}),
    "ghcr.io/acme/*": ({APP, EVIL}, {APP, EVIL, DEEP}, {APP, EVIL, DEEP}, {APP, EVIL, DEEP, ELSEWHERE}),
    "ghcr.io/acme/**": ({APP, EVIL, DEEP}, {APP, EVIL, DEEP}, {APP, EVIL, DEEP}, {APP, EVIL, DEEP, ELSEWHERE}),
    "ghcr.io/**/app@*": ({APP, DEEP}, {APP, DEEP}, set(), set()),
    "*": (
        {NGINX},
        {APP, EVIL, NGINX, ELSEWHERE, DEEP},
        {APP, EVIL, NGINX, ELSEWHERE, DEEP},
        {APP, EVIL, NGINX, ELSEWHERE, DEEP},
    ),
    "**": ({APP, EVIL, NGINX, ELSEWHERE, DEEP},) * 4,
    "*/*": (
        {NGINX},
        {APP, EVIL, NGINX, ELSEWHERE, DEEP},
        {APP, EVIL, ELSEWHERE, DEEP},
        {APP, EVIL, NGINX, ELSEWHERE, DEEP},
    ),
    "nginx": (set(), set(), set(), {NGINX}),
    "nginx*": (set(), set(), {NGINX}, {NGINX}),
    "docker.io/nginx*": (set(), {NGINX}, set(), set()),
    "docker.io/library/nginx*": (set(), set(), set(), {NGINX}),
    "index.docker.io/library/nginx@*": ({NGINX}, set(), set(), set()),
    "index.docker.io/library/nginx*": ({NGINX}, set(), set(), {NGINX}),
}
IMAGES = (APP, EVIL, NGINX, ELSEWHERE, DEEP)
CASES = list(itertools.product(TABLE, IMAGES, Dialect))


def test_the_table_is_large() -> None:
    """At least 300 decisions are held."""
    assert len(CASES) >= 300


@pytest.mark.parametrize("pattern", TABLE)
def test_dialects(pattern: str) -> None:
    """Each engine matches what its own rules say, and nothing else."""
    for engine, expected in zip(Dialect, TABLE[pattern], strict=True):
        assert {image for image in IMAGES if matches(engine, pattern, parse_image(image))} == expected, engine


@pytest.mark.parametrize("image", ["nginx", "nginx:1", "localhost:5000/a/b", "ghcr.io/a/b"])
def test_images_without_digest(image: str) -> None:
    """The tag form, with latest filled in where the engine does."""
    assert matches(CPOL, "*:*", parse_image(image))
    assert matches(CON, ":", parse_image(image))
    assert matches(CIP, "**:*", parse_image(image))


@pytest.mark.parametrize(
    ("engine", "pattern"),
    [
        (CIP, "ghcr.io/[ab]"),
        (CIP, "a?"),
        (CEL, "{a,b"),
        (CEL, "a}"),
        (CEL, "{" * 9 + "}" * 9),
        (CON, "[!a"),
        (CEL, "[b-a]"),
        (CPOL, ""),
    ],
)
def test_unusable_patterns(engine: Dialect, pattern: str) -> None:
    """What the engine refuses, or what is not evaluated, never counts as a match."""
    assert code_of(lambda: matches(engine, pattern, parse_image(APP))) == "image-pattern"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("ghcr.io/{acme,other}/app*", True),
        ("ghcr.io/{evil,o{the,ne}r}/app*", False),
        ("ghcr.io/acme/[ab]pp*", True),
        ("ghcr.io/acme/[!b]pp*", True),
        ("ghcr.io/acme/[!a]pp*", False),
        ("ghcr.io/acme/[a-c]pp*", True),
        ("ghcr.io/acme/[b-c]pp*", False),
        ("ghcr.io/acme/\\app*", True),
        ("ghcr.io/***", True),
        ("ghcr.io/acme/app?v1*", True),
        ("ghcr.io/acme/app,*", False),
    ],
)
def test_gobwas(pattern: str, expected: bool) -> None:
    """Classes, alternatives and escapes."""
    assert matches(CEL, pattern, parse_image(APP)) is expected


@pytest.mark.parametrize("text", ["", "a b", "a@b", "@sha256:1"])
def test_unusable_references(text: str) -> None:
    """What is no reference is refused."""
    assert code_of(lambda: parse_image(text)) == "image-pattern"
