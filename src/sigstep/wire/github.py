"""GitHub's API answers as values: listings of attestations, pages, addresses of bundles, names of repositories."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sigstep.errors import FormatError
from sigstep.model import limits

_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}/[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One attestation of a listing: its bundle in the answer, or (since July 2026) the address of its bundle.

    Attributes:
        bundle: the JSON object, or None.
        url: where the bundle is, snappy-compressed; empty where the answer has it.
        repository_id: GitHub's number of the repository; 0 where it is not said.
        initiator: ``user`` or ``github`` (attestations of immutable releases).
    """

    bundle: Mapping[str, Any] | None
    url: str
    repository_id: int = 0
    initiator: str = ""


def listed(answer: Mapping[str, Any]) -> tuple[Listed, ...]:
    """The attestations of one page of a listing by digest.

    Raises:
        FormatError: ``github-answer``.
    """
    return _listed(answer.get("attestations"))


def listed_in_bulk(answer: Mapping[str, Any]) -> tuple[Mapping[str, tuple[Listed, ...]], str]:
    """The attestations of one page of a bulk listing, by digest; and the cursor of the next page, or empty.

    Raises:
        FormatError: ``github-answer``.
    """
    found = answer.get("attestations_subject_digests")
    if not isinstance(found, dict):
        raise malformed("attestations_subject_digests is not an object")
    page = answer.get("page_info")
    page = page if isinstance(page, dict) else {}
    cursor = page.get("next") if page.get("has_next") else ""
    if not isinstance(cursor, str) or (page.get("has_next") and not cursor):
        raise malformed("a page has a next one and does not say which")
    by_digest = {digest: () if one is None else _listed(one) for digest, one in found.items()}
    return by_digest, cursor


def _listed(value: Any) -> tuple[Listed, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise malformed("attestations is not an array")
    if len(value) > limits.GITHUB_PAGE:
        raise malformed(f"a page has more than {limits.GITHUB_PAGE} attestations")
    found = []
    for one in value:
        if not isinstance(one, dict):
            raise malformed("an attestation is not an object")
        bundle, url, number, initiator = (
            one.get(name) for name in ("bundle", "bundle_url", "repository_id", "initiator")
        )
        if not isinstance(bundle, dict) and not isinstance(url, str):
            raise malformed("an attestation has neither bundle nor bundle_url")
        found.append(
            Listed(
                bundle=bundle if isinstance(bundle, dict) else None,
                url=url if isinstance(url, str) else "",
                repository_id=number if isinstance(number, int) else 0,
                initiator=initiator if isinstance(initiator, str) else "",
            )
        )
    return tuple(found)


def is_slug(text: str) -> bool:
    """Whether a text is ``owner/name``, and nothing that changes an address."""
    return _SLUG.fullmatch(text) is not None and text.partition("/")[2] not in {".", ".."}


def check_bundle_url(url: str, api: str) -> None:
    """Whether a bundle may be fetched from an address that an answer names: HTTPS and a public host's name, so that
    an answer cannot point into the network that the runner stands in. An API on loopback may name its own host.

    Raises:
        FormatError: ``github-bundle-url``.
    """
    try:
        given, base = urlsplit(url), urlsplit(api)
        host, own = given.hostname or "", (base.scheme, base.netloc) == (given.scheme, given.netloc)
        credentials = given.username is not None or given.password is not None
    except ValueError:
        raise _bad_url(url, "it is not an address") from None
    if own and base.scheme == "http" and base.hostname in {"localhost", "127.0.0.1", "::1"}:
        return
    if given.scheme != "https":
        raise _bad_url(url, "it is not HTTPS")
    if credentials:
        raise _bad_url(url, "it carries credentials")
    if "." not in host or host.endswith((".local", ".internal", ".localhost")) or _is_address(host):
        raise _bad_url(url, f"{host[:100]!r} is not the name of a public host")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.replace(".", "").isdigit()
    return True


def _bad_url(url: str, why: str) -> FormatError:
    return FormatError(
        code="github-bundle-url",
        what="GitHub names an address that a bundle is not fetched from",
        why=f"{why}: {url.partition('?')[0][:200]}",
        fix="check GITHUB_API_URL; a proxy may have answered in GitHub's place",
    )


def malformed(why: str) -> FormatError:
    """The error of an answer that is not what GitHub's API says."""
    return FormatError(
        code="github-answer",
        what="GitHub's answer is not what its API says",
        why=why,
        fix="check GITHUB_API_URL; a proxy may have answered in GitHub's place",
    )
