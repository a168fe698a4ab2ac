"""Why sigstep and its peers may differ: one row for each kind of change, no wider than what was reasoned about.

A bundle with two changes is explained where one of them explains it, for each peer alone.
"""

from __future__ import annotations

import re

_MATERIAL = r"verificationMaterial"
_ENTRY = rf"{_MATERIAL}\.tlogEntries\.[01]"
_PROOF = rf"{_ENTRY}\.inclusionProof"
_NOTE = rf"{_PROOF}\.checkpoint\.envelope"
_STAMPS = rf"{_MATERIAL}\.timestampVerificationData"
_STAMP = rf"{_STAMPS}(\.rfc3161Timestamps(\.[01](\.signedTimestamp)?)?)?"
_DIGEST = r"messageSignature\.messageDigest"
_BYTES = r"bit|byte_of_text|byte_dropped|byte_doubled"

LAXER: tuple[tuple[str, str, str], ...] = (
    # (the peer that refuses what sigstep accepts, what was changed, why accepting is right)
    ("javascript", r".* in snake case", "proto3 JSON: parsers accept the field's own name too"),
    ("python", r".* (url-safe|unpadded)", "proto3 JSON: standard or URL-safe base64, with or without padding"),
    ("python", r".* as a number", "proto3 JSON: 64-bit integers and enumerations are numbers too"),
    ("python", r".* with an unknown null", "proto3 JSON: null is absent, so nothing was said"),
    ("python", r"verificationMaterial (swapped|with certificate added)|mediaType (swapped|byte_of_text|as \S+0\.[12](\+json)?)", "a certificate may stand where versions 0.1 and 0.2 have a chain"),
    ("python|javascript", r"mediaType as \S+\.v0\.[12]\+json", "the newer spelling of an older version, with that version's rules"),
    ("python", rf"{_ENTRY}\.logIndex dropped", "proto3 JSON: an absent number is 0, and an index that no promise vouches for is not reported"),
    ("python", rf"{_PROOF} dropped", "version 0.1: a promise suffices"),
    ("javascript", rf"{_DIGEST} dropped", "the digest is a hint and may be absent; what is signed is the artifact"),
    ("python|javascript", rf"{_ENTRY} with inclusionPromise added", "Rekor v2 makes no promises, and clients ignore one (client specification)"),
    ("python|javascript", rf"{_ENTRY}\.logId\.keyId .*", "a second entry, of a log nobody knows, does not count"),
    ("python|javascript", rf"{_MATERIAL}\.x509CertificateChain\.certificates\.1.*", "further certificates are hints: never read, never anchors"),
    ("python", rf"{_STAMP}.* byte_of_text", "the byte is one of URL-safe base64, and the stamp then names another signer"),
    ("javascript", rf"{_STAMP} ({_BYTES})", "a stamp that names another signer is a foreign one: it proves nothing, and the promise gives the time"),
)  # fmt: skip
STRICTER: tuple[tuple[str, str, str], ...] = (
    # (codes with which sigstep refuses what a peer accepts, what was changed, why refusing is right)
    ("json-unknown-member", r".* with an unknown member", "a member that is not understood may change the meaning"),
    ("json-integer", rf"{_ENTRY}\.(logIndex|integratedTime|inclusionProof\.(logIndex|treeSize)) (emptied|digit|byte_of_text|lowered)", "a count is decimal and not negative"),
    ("json-member-missing", r"\S+\.(algorithm|digest|keyId|kind|version|rawBytes|sig|signature|payloadType|envelope|signedTimestamp|signedEntryTimestamp) (dropped|emptied)", "a member without which its message says nothing"),
    ("json-too-large", rf"{_PROOF}\.(rootHash|hashes\.\d+) .*", "a hash has 32 bytes"),
    ("json-duplicate-key", r".* with \S+ added", "a member in both spellings is there twice"),
    ("bundle-material|bundle-content", r"(bundle|verificationMaterial) with \S+ added", "one signer, and one thing that is signed"),
    ("digest-algorithm-unsupported", rf"{_DIGEST}\.algorithm .*", "as above"),
    ("digest-malformed|message-digest", rf"{_DIGEST}\..*", "a stated digest has to be the artifact's"),
    ("base64-malformed", r"\S+ byte_of_text", "base64 has one alphabet and no bits left over"),
    ("json-malformed|json-not-utf8", r"\S+ byte_of_text", "JSON is read strictly"),
    ("certificate-malformed", rf"{_MATERIAL}\.(certificate|x509CertificateChain\.certificates\.0)\.rawBytes ({_BYTES})", "a certificate is read strictly"),
    ("bundle-version", r"mediaType .*", "a media type is one of the known ones, exactly"),
    ("bundle-promise-missing", r"mediaType (swapped|byte_of_text|as \S+0\.1.*)", "version 0.1 needs a promise"),
    ("bundle-promise-missing", rf"{_ENTRY}\.inclusionPromise dropped", "as above"),
    ("bundle-proof-missing", rf"mediaType (swapped|byte_of_text|as \S+0\.[23].*)|{_PROOF} dropped", "versions 0.2 and 0.3 need a proof"),
    ("bundle-chain", r"mediaType (swapped|byte_of_text|as \S+0\.3.*)", "version 0.3 has one certificate and no chain"),
    ("inclusion-proof-mismatch", rf"{_ENTRY}\.(logIndex|inclusionProof\.(logIndex|rootHash|treeSize)) .*", "what a proof says beside its hashes has to agree with checkpoint and entry"),
    ("checkpoint-signature", rf"{_NOTE} ({_BYTES}|line renamed|wrong line added)", "a log's line has its name and its hint, and every such line has to hold"),
    ("checkpoint-malformed", rf"{_NOTE} ({_BYTES}|empty line added)", "a signed note has one form"),
    ("promise-invalid", rf"{_ENTRY}\.(integratedTime|logIndex) .*", "a promise has to hold, whatever else vouches for the time"),
    ("timestamp-invalid", rf"{_STAMP} (swapped|{_BYTES})|{_MATERIAL} with timestampVerificationData added", "a bad stamp of a trusted authority refuses; peers pass it over"),
    ("timestamp-malformed", rf"{_STAMP} ({_BYTES}|emptied)", "bytes that are no stamp refuse; peers pass them over"),
    ("timestamp-duplicate", rf"{_STAMPS}\.rfc3161Timestamps\.[01] doubled", "a stamp is there once"),
    ("entry-duplicate", rf"{_ENTRY} doubled", "an entry is there once"),
    ("trust-root-outdated|log-unknown", rf"{_ENTRY}\.logId\.keyId ({_BYTES}|swapped)", "a log is told by its id alone"),
)  # fmt: skip


def laxer(peer: str, changes: list[str]) -> str | None:
    """Why sigstep accepts what a peer refuses; None where no reason is known."""
    return _reason(LAXER, peer, changes)


def stricter(code: str, changes: list[str]) -> str | None:
    """Why sigstep refuses with that code what a peer accepts; None where no reason is known."""
    return _reason(STRICTER, code, changes)


def _reason(rows: tuple[tuple[str, str, str], ...], who: str, changes: list[str]) -> str | None:
    named = [_camel(one) for one in changes]
    for names, what, why in rows:
        if who in names.split("|") and any(re.fullmatch(what, one) for one in named):
            return f"{who}: {why}"
    return None


def _camel(change: str) -> str:
    """The name of a change whose path is in proto3 JSON's own names."""
    path, _, kind = change.partition(" ")
    return f"{re.sub('_([a-z])', lambda match: match[1].upper(), path)} {kind}"
