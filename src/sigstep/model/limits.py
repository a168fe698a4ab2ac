"""Every bound on what a stranger wrote, with its reason. Units are in the names."""

from __future__ import annotations

from typing import Final

JSON_DEPTH: Final = 100  # protojson's own bound; real documents stay below 20
JSON_VALUES: Final = 1_000_000  # of one document, up to 270 bytes of memory each; a 16 MiB SBOM has half as many
JSON_DIGITS: Final = 4300  # CPython's own bound on int(); keeps conversion linear
BUNDLE_BYTES: Final = 32 * 1024 * 1024  # a 16 MiB predicate in base64, and room for the rest
BUNDLE_LINES: Final = 10_000  # bundles in one JSON Lines file
LOOKUP_ENTRIES: Final = 50  # entries fetched when a log is searched; anybody can add more
LOG_ENTRIES: Final = 32  # per bundle, as sigstore-go
TIMESTAMPS: Final = 32  # per bundle, as sigstore-go
CHAIN_CERTIFICATES: Final = 16  # per bundle or authority; real chains have at most 4
CERTIFICATE_BYTES: Final = 64 * 1024  # real leaves are below 4 KiB
TIMESTAMP_BYTES: Final = 64 * 1024  # a TimeStampResp with three certificates is below 8 KiB
SIGNATURE_BYTES: Final = 16 * 1024  # RSA-4096 needs 512
CHECKPOINT_BYTES: Final = 64 * 1024  # a signed note with 100 cosignatures is below 16 KiB
CHECKPOINT_SIGNATURES: Final = 100  # lines of one signed note
PROOF_HASHES: Final = 64  # a tree of 2**64 leaves
LOG_BODY_BYTES: Final = 16 * 1024 * 1024  # an intoto entry that still carries its payload
SUBJECTS: Final = 1024  # of one statement written by us, as actions/attest
SUBJECTS_READ: Final = 100_000  # of one statement read
SUBJECT_DIGESTS: Final = 32  # of one subject, as sigstore-go
PREDICATE_BYTES: Final = 16 * 1024 * 1024  # GitHub's own bound on a predicate
PREDICATE_FILE_BYTES: Final = 22 * 1024 * 1024  # elsewhere: in base64 it still fits into BUNDLE_BYTES
DOCUMENT_BYTES: Final = 4 * 1024**3  # of a document that is attested by its digest; it is read piece by piece
TRUSTED_ROOT_BYTES: Final = 4 * 1024 * 1024  # today's are below 20 KiB
SIGNING_CONFIG_BYTES: Final = 1024 * 1024
TRUST_ROOTS: Final = 100  # lines of one trusted-root JSON Lines file
AUTHORITIES: Final = 1000  # logs or authorities of one trusted root
TOKEN_BYTES: Final = 64 * 1024  # an OIDC token is below 4 KiB
SERVICE_ANSWER_BYTES: Final = 32 * 1024 * 1024  # a log may echo the whole entry
ERROR_BODY_BYTES: Final = 4096  # of a service's error text, kept for the message
POLICY_BYTES: Final = 4 * 1024 * 1024
YAML_NODES: Final = 200_000  # after alias expansion
YAML_DEPTH: Final = 100
IMAGE_MANIFEST_BYTES: Final = 4 * 1024 * 1024  # the size registries have to accept (OCI distribution-spec, pushing)
IMAGE_MANIFESTS: Final = 1000  # of one index; real ones have below 100
IMAGE_LAYERS: Final = 1000  # of one manifest, as cosign reads signatures
IMAGE_LAYER_BYTES: Final = 64 * 1024**3  # of one layer that is copied piece by piece
REFERRERS: Final = 1000  # of one image; more is a flood
REFERRERS_READ: Final = 100_000  # of one list that is parsed, to say that it is too long
REFERRER_PAGES: Final = 50  # of one listing
TAG_PAGES: Final = 100  # of one repository's list, 1000 a page
ARCHIVE_MEMBERS: Final = 100_000  # of one image archive
IMAGE_NODES: Final = 2_000  # manifests of one image: an index and all below it
INDEX_DEPTH: Final = 3  # indexes of indexes
REGISTRY_CONFIG_BYTES: Final = 4 * 1024 * 1024  # Docker's config.json
FUTURE_SKEW_SECONDS: Final = 300  # clocks of honest machines differ by less
LOCKFILE_BYTES: Final = 20 * 1024 * 1024  # large monorepos' lockfiles are below 10 MiB
LOCKFILE_NODES: Final = 1_500_000  # values of a YAML lockfile; 50 000 packages have about 20 each
REDIRECTS: Final = 1_000  # settings in one file of where packages come from, each looked up in the file for its line
LOCKED_PACKAGES: Final = 50_000  # of one lockfile
REGISTRY_METADATA_BYTES: Final = 32 * 1024 * 1024  # an npm packument with thousands of versions
REGISTRY_ATTESTATION_BYTES: Final = 4 * 1024 * 1024  # real answers are below 100 KiB
DEPENDENCY_CHANGES: Final = 5_000  # of one comparison that are asked about
GITHUB_ANSWER_BYTES: Final = 32 * 1024 * 1024  # a page of 100 attestations, were their bundles in it
GITHUB_PAGE: Final = 1024  # attestations of one page; GitHub gives 100
GITHUB_PAGES: Final = 10  # of one listing: 1000 attestations, as gh reads
GITHUB_DIGESTS: Final = 1024  # of one bulk listing (GitHub REST API)
SNAPPY_BYTES: Final = 32 * 1024 * 1024  # of one bundle after decompression; checked before memory is taken
RELEASE_ASSETS: Final = 1000  # of one release (GitHub documentation)
