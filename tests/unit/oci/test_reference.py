"""Image references: Docker's defaults, and every refusal."""

from __future__ import annotations

import pytest

from sigstep.errors import UsageError
from sigstep.model.digest import Digest
from sigstep.oci.reference import api_host, is_loopback, parse_reference

DIGEST = str(Digest.of(b"x"))


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("org/app", "docker.io/org/app:latest"),
        ("index.docker.io/org/app", "docker.io/org/app:latest"),
        ("ghcr.io/org/app", "ghcr.io/org/app:latest"),
        ("localhost/app:1", "localhost/app:1"),
        ("localhost:5000/a/b/c:1", "localhost:5000/a/b/c:1"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        (f"ghcr.io/org/app@{DIGEST}", f"ghcr.io/org/app@{DIGEST}"),
        (f"ghcr.io/org/app:v1@{DIGEST}", f"ghcr.io/org/app:v1@{DIGEST}"),
        ("GHCR.io/org/a__b-c.d", "ghcr.io/org/a__b-c.d:latest"),
    ],
)
def test_reads(text: str, full: str) -> None:
    """distribution-spec, and Docker's normalization."""
    assert str(parse_reference(text)) == full


@pytest.mark.parametrize(
    "text",
    ["", "ghcr.io/Org/app", "a" * 64, "app:", "app:-x", "app@sha256:00", f"app@{DIGEST.upper()}", "app@md5:00", "-h.io/app",
     "ghcr.io/", "ghcr.io/a//b", "ghcr.io/a b", "ghcr.io/" + "a" * 300, "ghcr.io/a:" + "t" * 129, "https://ghcr.io/a", "../a",
     "localhost:65536/a"],
)  # fmt: skip
def test_refuses(text: str) -> None:
    """Each of these is no reference."""
    with pytest.raises(UsageError) as caught:
        parse_reference(text)
    assert caught.value.code == ("image-reference")


def test_hosts() -> None:
    """Only this machine is asked without TLS by itself; Docker Hub's API has a host of its own."""
    assert all(
        is_loopback(host) for host in ("localhost", "localhost:5000", "127.0.0.1:1", "127.9.9.9", "[::1]:5", "[::1]")
    )
    assert not any(is_loopback(host) for host in ("localhost.example", "10.0.0.1", "ghcr.io", "127.0.0.1.example:80"))
    assert api_host("docker.io") == "registry-1.docker.io"
    assert api_host("ghcr.io") == "ghcr.io"


def test_pinning() -> None:
    """A digest decides; tags are dropped when pinned."""
    image = parse_reference("ghcr.io/org/app:v1")
    pinned = image.at(Digest.parse(DIGEST))
    assert (image.selector, pinned.selector, pinned.tag) == ("v1", DIGEST, None)
    assert str(pinned.tagged("x")) == "ghcr.io/org/app:x"
