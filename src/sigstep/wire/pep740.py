"""PEP 740 attestation objects, alone and as a package index serves them."""

from __future__ import annotations

import base64
from typing import Any

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.bundle import Bundle, BundleVersion, CertificateMaterial, Envelope, EnvelopeSignature
from sigstep.model.statement import PAYLOAD_TYPE
from sigstep.wire.log_entry import encode_log_entry, parse_log_entry
from sigstep.wire.members import Members


def parse_attestation(value: Any) -> Bundle:
    """One attestation object, version 1.

    Raises:
        FormatError: ``pep740-version``, or a member is missing, malformed or unknown.
    """
    members = Members(value, "attestation")
    if members.integer("version", 0) != 1:
        raise FormatError(
            code="pep740-version",
            what="this attestation object is of an unknown version",
            why="version 1 is the only one",
            fix="update sigstep",
        )
    material, envelope = members.need("verificationMaterial"), members.need("envelope")
    entries = material.array("transparencyEntries", at_most=limits.LOG_ENTRIES)
    signature = envelope.bytes("signature", at_most=limits.SIGNATURE_BYTES)
    bundle = Bundle(
        version=BundleVersion.V0_3,
        material=CertificateMaterial(leaf=material.bytes("certificate", at_most=limits.CERTIFICATE_BYTES)),
        entries=tuple(parse_log_entry(one, f"transparencyEntries[{at}]") for at, one in enumerate(entries)),
        timestamps=(),
        content=Envelope(
            payload=envelope.bytes("statement", at_most=limits.BUNDLE_BYTES),
            payload_type=PAYLOAD_TYPE,
            signatures=(EnvelopeSignature(signature=signature),),
        ),
    )
    for part in (material, envelope, members):
        part.done()
    return bundle


def parse_provenance(value: Any) -> tuple[Bundle, ...]:
    """Every attestation of an index's provenance object; its ``publisher`` is the index's claim and not read here.

    Raises:
        FormatError: as `parse_attestation`.
    """
    members = Members(value, "provenance")
    members.take("version")
    found: list[Bundle] = []
    for at, one in enumerate(members.array("attestationBundles", at_most=limits.LOG_ENTRIES)):
        group = Members(one, f"provenance.attestation_bundles[{at}]")
        group.take("publisher")
        found.extend(parse_attestation(each) for each in group.array("attestations", at_most=limits.LOG_ENTRIES))
        group.done()
    members.done()
    return tuple(found)


def encode_attestation(bundle: Bundle) -> dict[str, Any]:
    """The attestation object, version 1, of a bundle with a certificate, one envelope signature and its log entry."""
    assert isinstance(bundle.material, CertificateMaterial)
    assert isinstance(bundle.content, Envelope)
    return {
        "version": 1,
        "verification_material": {
            "certificate": base64.b64encode(bundle.material.leaf).decode(),
            "transparency_entries": [encode_log_entry(bundle.entries[0])],
        },
        "envelope": {
            "statement": base64.b64encode(bundle.content.payload).decode(),
            "signature": base64.b64encode(bundle.content.signatures[0].signature).decode(),
        },
    }
