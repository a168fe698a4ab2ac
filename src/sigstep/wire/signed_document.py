"""Any document that carries signatures, told by its members, as bundles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.bundle import Bundle, BundleVersion, CertificateMaterial, PublicKeyMaterial
from sigstep.wire import strict_json
from sigstep.wire.bundle import bundle_of
from sigstep.wire.cosign import certificate_der, parse_blob_bundle
from sigstep.wire.dsse import parse_envelope
from sigstep.wire.members import as_mapping
from sigstep.wire.pep740 import parse_attestation, parse_provenance

ATTESTATIONS: Final = 1000  # in one answer of GitHub's or npm's API, or one list


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A bundle, and the exact bytes of its envelope where the document has them (intoto 0.0.1 is bound by them).

    ``entry_elsewhere``: the format has no place for a log entry, so that it has to be looked up.
    """

    bundle: Bundle
    original: bytes | None = None
    entry_elsewhere: bool = False


def parse_signed(data: bytes) -> tuple[Signed, ...]:
    """The bundles in one JSON document: a Sigstore bundle, a cosign blob bundle, a DSSE envelope with its certificate
    (slsa-github-generator), a PEP 740 object or provenance, an answer of GitHub's or npm's attestation API, or a list
    of Sigstore bundles (conda's ``.sigs``, CEP 27).

    Raises:
        FormatError: the document is none of these, or malformed.
    """
    document = strict_json.loads(data, at_most=limits.BUNDLE_BYTES, name="bundle")
    if isinstance(document, list) and document:
        return tuple(Signed(bundle=bundle_of(one)) for one in _few(document))
    value = as_mapping(document, "bundle")
    if "base64Signature" in value:
        bundle, original = parse_blob_bundle(value)
        return (Signed(bundle=bundle, original=original),)
    if "payloadType" in value and "signatures" in value:
        return (_envelope(value, data),)
    if "verification_material" in value and "envelope" in value:
        return (Signed(bundle=parse_attestation(value)),)
    if "attestation_bundles" in value:
        return tuple(Signed(bundle=one) for one in parse_provenance(value))
    if isinstance(value.get("attestations"), list):
        return _answer(value["attestations"])
    if "bundle" in value:  # one of an answer, as `jq '.attestations[]'` writes them in lines
        return _answer([value])
    return (Signed(bundle=bundle_of(value)),)


def _envelope(value: Any, data: bytes) -> Signed:
    """A bare envelope: the signer's certificate stands beside the signature, the log entry has to be found."""
    envelope, certificates = parse_envelope(value, "envelope", certificates=True)
    der = certificate_der(certificates[0].encode()) if certificates[0] else None
    hint = envelope.signatures[0].keyid
    bundle = Bundle(
        version=BundleVersion.V0_1,
        material=PublicKeyMaterial(hint=hint) if der is None else CertificateMaterial(leaf=der),
        entries=(),
        timestamps=(),
        content=envelope,
    )
    return Signed(bundle=bundle, original=data.strip(), entry_elsewhere=True)


def _answer(attestations: list[Any]) -> tuple[Signed, ...]:
    found = (as_mapping(one, f"attestations[{at}]").get("bundle") for at, one in enumerate(_few(attestations)))
    return tuple(Signed(bundle=bundle_of(one)) for one in found if one is not None)


def _few(attestations: list[Any]) -> list[Any]:
    if len(attestations) > ATTESTATIONS:
        raise FormatError(
            code="json-too-many",
            what=f"the document has {len(attestations)} attestations",
            why=f"at most {ATTESTATIONS} are read",
            fix="ask for fewer at once",
        )
    return attestations
