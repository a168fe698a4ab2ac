"""Names and URIs of predicates."""

from __future__ import annotations

import pytest

from sigstep.errors import FormatError, UsageError
from sigstep.predicates import registry


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
        ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
        ("spdx", "https://spdx.dev/Document"),
        ("spdxjson", "https://spdx.dev/Document"),
        ("cyclonedx", "https://cyclonedx.org/bom"),
        ("link", "https://in-toto.io/Link/v1"),
        ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
        ("openvex", "https://openvex.dev/ns"),
        ("custom", "https://cosign.sigstore.dev/attestation/v1"),
        ("provenance", "https://slsa.dev/provenance/v1"),
        ("https://own.example/type/v1", "https://own.example/type/v1"),
    ],
)
def test_names(name: str, uri: str) -> None:
    """The names of cosign and gh mean the URIs of cosign and gh."""
    assert registry.type_uri(name) == uri


@pytest.mark.parametrize("name", ["", "nonsense", "https://own.example/a b"])
def test_unknown_name(name: str) -> None:
    """What is neither a name nor a URI is a usage error."""
    with pytest.raises(UsageError) as refused:
        registry.type_uri(name)
    assert refused.value.code == "predicate-type-unknown"


def test_uris_are_compared_whole_and_belong_to_one_kind() -> None:
    """Versions are not prefixes."""
    uris = [uri for kind in registry.kinds() for uri in kind.uris]
    assert len(uris) == len(set(uris))
    assert registry.kind_of("https://slsa.dev/provenance/v1.0") is None
    assert len({kind.name for kind in registry.kinds()}) == len(registry.kinds())
    aliases = [alias for kind in registry.kinds() for alias in kind.aliases]
    assert len(aliases) == len(set(aliases))


def test_known_types_are_checked_and_unknown_ones_taken() -> None:
    """A predicate of the wrong type for its URI is refused."""
    registry.check("https://own.example/type/v1", {})
    with pytest.raises(FormatError) as refused:
        registry.check("https://slsa.dev/provenance/v1", {"bomFormat": "CycloneDX"})
    assert refused.value.code == "predicate-malformed"
