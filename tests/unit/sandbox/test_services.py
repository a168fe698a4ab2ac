"""What the sandbox's services refuse, and what they answer beside their main road."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import rfc3161_client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from sigstep.sandbox import der, keys
from sigstep.sandbox.entries_v1 import pae
from sigstep.sandbox.exchange import Refused, Request, b64
from sigstep.sandbox.local import Sandbox
from sigstep.sandbox.log_v1 import EARLIER_SHARDS

V1, V2, SIGN, STAMP = "/api/v1/log/entries", "/api/v2/log/entries", "/api/v2/signingCert", "/api/v1/timestamp"


@pytest.fixture(scope="module")
def local() -> Sandbox:
    """Services without a server."""
    made = Sandbox()
    made.issuer.base_url = "http://localhost:1"
    return made


def post(path: str, value: Any, **headers: str) -> Request:
    """A request with a JSON body."""
    return Request(method="POST", path=path, body=json.dumps(value).encode(), headers=headers)


def refused(handler: Any, request: Request, status: int, text: str = "") -> Refused:
    """The refusal of a request."""
    with pytest.raises(Refused, match=text or None) as caught:
        handler(request)
    assert caught.value.status == status
    return caught.value


def pem(key: Any) -> str:
    """SPKI PEM."""
    made: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return made.decode()


def proof(key: Any, principal: bytes) -> bytes:
    """The proof of possession of each kind of key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(principal, padding.PKCS1v15(), hashes.SHA256())
    signed: bytes = keys.sign(key, principal)
    return signed


def key_request(local: Sandbox, key: Any, token: str = "", principal: bytes = b"") -> dict[str, Any]:
    """A request for a certificate in the form of a public key."""
    subject = principal or local.issuer.claims["sub"].encode()
    return {
        "credentials": {"oidcIdentityToken": token or local.token()},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": pem(key.public_key())},
            "proofOfPossession": b64(proof(key, subject)),
        },
    }


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
    ids=["p256", "p384", "p521", "ed25519", "rsa"],
)
def test_fulcio_certifies_each_kind_of_key(local: Sandbox, key: Any) -> None:
    """The leaf has the key, and GitHub's extensions."""
    reply = json.loads(local.fulcio.handle(post(SIGN, key_request(local, key))).body)
    leaf = x509.load_pem_x509_certificate(reply["signedCertificateEmbeddedSct"]["chain"]["certificates"][0].encode())
    assert leaf.public_key() == key.public_key()
    dotted = {one.oid.dotted_string for one in leaf.extensions}
    assert {f"1.3.6.1.4.1.57264.1.{arc}" for arc in (*range(1, 7), *range(8, 23), 24)} <= dotted


def test_fulcio_refuses(local: Sandbox) -> None:
    """Token, proof of possession, key and body."""
    key = keys.p256()
    good = key_request(local, key)
    for token in (
        local.token("nobody"),
        local.token(lifetime=-600),
        local.token(issuer="https://issuer.example"),
        local.token(spoiled=True),
        local.token(event_name=""),
        local.token(email="a@acme.example", email_verified=False),
        "x.y.z",
    ):
        refused(local.fulcio.handle, post(SIGN, {**good, "credentials": {"oidcIdentityToken": token}}), 400)
    refused(local.fulcio.handle, post(SIGN, {**good, "credentials": {}}), 400, "no identity token")
    refused(local.fulcio.handle, post(SIGN, key_request(local, key, principal=b"other")), 400, "does not hold")
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    refused(local.fulcio.handle, post(SIGN, key_request(local, weak)), 400, "not certified")
    broken = key_request(local, key)
    broken["publicKeyRequest"]["publicKey"]["content"] = "-"
    refused(local.fulcio.handle, post(SIGN, broken), 400, "not PEM")
    csr = {"certificateSigningRequest": b64(b"-"), "credentials": good["credentials"]}
    refused(local.fulcio.handle, post(SIGN, csr), 400, "not PEM")
    refused(local.fulcio.handle, Request(method="POST", path=SIGN, body=b"{"), 400, "not JSON")
    refused(local.fulcio.handle, Request(method="POST", path=SIGN, body=b"[]"), 400, "not a JSON object")
    refused(local.fulcio.handle, Request(method="GET", path=SIGN), 405)


def test_fulcio_tells_its_chain_and_issuers(local: Sandbox) -> None:
    """Informational addresses."""
    bundle = json.loads(local.fulcio.handle(Request(method="GET", path="/api/v2/trustBundle")).body)
    assert len(bundle["chains"][0]["certificates"]) == 2
    told = json.loads(local.fulcio.handle(Request(method="GET", path="/api/v2/configuration")).body)
    assert [one["challengeClaim"] for one in told["issuers"]] == ["sub", "email"]


def test_private_instance_has_no_sct() -> None:
    """The detached form without an SCT; a trusted root and a signing config without logs."""
    made = Sandbox(private=True)
    reply = json.loads(made.fulcio.handle(post(SIGN, key_request(made, keys.p256()))).body)
    assert list(reply) == ["signedCertificateDetachedSct"]
    assert len(made.ct_log) == 0


def hashedrekord(key: Any, content: bytes = b"hello") -> dict[str, Any]:
    """A proposed entry."""
    return {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}},
            "signature": {
                "content": b64(keys.sign(key, content)),
                "publicKey": {"content": b64(pem(key.public_key()).encode())},
            },
        },
    }


def test_rekor_v1(local: Sandbox) -> None:
    """Submitted once, conflicting twice, found by UUID, index and content."""
    entry = hashedrekord(keys.p256())
    reply = local.log_v1.handle(post(V1, entry))
    made = json.loads(reply.body)
    (uuid,) = made
    assert (reply.status, reply.headers["Location"]) == (201, f"{V1}/{uuid}")
    conflict = refused(local.log_v1.handle, post(V1, entry), 409, uuid)
    assert conflict.headers["Location"] == f"{V1}/{uuid}"
    index = made[uuid]["logIndex"]
    assert made[uuid]["verification"]["inclusionProof"]["logIndex"] == index - EARLIER_SHARDS
    for found in (
        local.log_v1.handle(Request(method="GET", path=f"{V1}/{uuid}")),
        local.log_v1.handle(Request(method="GET", path=f"{V1}/{uuid[16:]}")),
        local.log_v1.handle(Request(method="GET", path=V1, query={"logIndex": str(index)})),
    ):
        assert json.loads(found.body)[uuid]["body"] == made[uuid]["body"]
    asked = {"entryUUIDs": [uuid], "logIndexes": [index], "entries": [entry, hashedrekord(keys.p256())]}
    listed = json.loads(local.log_v1.handle(post(f"{V1}/retrieve/", asked)).body)
    assert [list(one) for one in listed] == [[uuid]] * 3
    log = json.loads(local.log_v1.handle(Request(method="GET", path="/api/v1/log")).body)
    assert log["treeSize"] >= 2
    key = local.log_v1.handle(Request(method="GET", path="/api/v1/log/publicKey"))
    assert serialization.load_pem_public_key(key.body) == local.log_v1.key.public_key()


def test_rekor_v1_dsse_and_intoto(local: Sandbox) -> None:
    """A DSSE envelope is logged by its hashes and signatures, in both kinds."""
    key, payload, kind = keys.p256(), b'{"_type":"x"}', "application/vnd.in-toto+json"
    signature, verifier = b64(keys.sign(key, pae(kind, payload))), b64(pem(key.public_key()).encode())
    envelope = json.dumps({"payload": b64(payload), "payloadType": kind, "signatures": [{"sig": signature}]})
    dsse = {
        "apiVersion": "0.0.1",
        "kind": "dsse",
        "spec": {"proposedContent": {"envelope": envelope, "verifiers": [verifier]}},
    }
    (made,) = json.loads(local.log_v1.handle(post(V1, dsse)).body).values()
    spec = json.loads(base64.b64decode(made["body"]))["spec"]
    assert spec["signatures"] == [{"signature": signature, "verifier": verifier}]
    assert spec["payloadHash"]["value"] == hashlib.sha256(payload).hexdigest()
    twice = {
        "payload": b64(b64(payload).encode()),
        "payloadType": kind,
        "signatures": [{"sig": b64(signature.encode()), "publicKey": verifier}],
    }
    content = {"envelope": twice, "hash": {"algorithm": "sha256", "value": "0" * 64}}
    intoto = {"apiVersion": "0.0.2", "kind": "intoto", "spec": {"content": content}}
    (logged,) = json.loads(local.log_v1.handle(post(V1, intoto)).body).values()
    assert "payload" not in json.loads(base64.b64decode(logged["body"]))["spec"]["content"]["envelope"]
    for broken, text in (
        ({"envelope": 1, "verifiers": [verifier]}, "no text"),
        ({"envelope": "{", "verifiers": [verifier]}, "not JSON"),
        ({"envelope": envelope, "verifiers": [verifier, verifier]}, "as many"),
        ({"envelope": envelope, "verifiers": [b64(pem(keys.p256().public_key()).encode())]}, "does not hold"),
        ({"envelope": envelope, "verifiers": [b64(b"-")]}, "neither"),
    ):
        refused(local.log_v1.handle, post(V1, {**dsse, "spec": {"proposedContent": broken}}), 400, text)
    none = {**content, "envelope": {**twice, "signatures": []}}
    refused(local.log_v1.handle, post(V1, {**intoto, "spec": {"content": none}}), 400, "no signature")


def test_rekor_v1_refuses(local: Sandbox) -> None:
    """Signatures, digests, kinds and what is not there."""
    entry = hashedrekord(keys.p256())
    entry["spec"]["data"]["hash"]["value"] = "0" * 64
    refused(local.log_v1.handle, post(V1, entry), 400, "does not hold")
    entry["spec"]["data"]["hash"]["value"] = "0"
    refused(local.log_v1.handle, post(V1, entry), 400, "hexadecimal")
    entry["spec"]["data"]["hash"]["value"] = "00"
    refused(local.log_v1.handle, post(V1, entry), 400, "does not fit")
    refused(local.log_v1.handle, post(V1, {**entry, "kind": "rpm"}), 400, "not taken")
    refused(local.log_v1.handle, post(V1, {"kind": "x"}), 400, "has no apiVersion")
    refused(local.log_v1.handle, Request(method="GET", path=V1, query={"logIndex": "1"}), 404)
    refused(local.log_v1.handle, Request(method="GET", path=f"{V1}/{'0' * 64}"), 404)
    refused(local.log_v1.handle, post(f"{V1}/retrieve", {"logIndexes": [EARLIER_SHARDS] * 11}), 422)


def request_v2(key: Any, **changed: Any) -> dict[str, Any]:
    """A request to Rekor v2."""
    public = key.public_key()
    verifier = {"keyDetails": keys.key_details(public), "publicKey": {"rawBytes": b64(keys.spki(public))}}
    digest = hashlib.new(keys.hash_name(public), b"hello").digest()
    signature = {"content": b64(keys.sign(key, b"hello")), "verifier": {**verifier, **changed}}
    return {"hashedRekordRequestV002": {"digest": b64(digest), "signature": signature}}


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_rekor_v2(local: Sandbox, curve: ec.EllipticCurve) -> None:
    """Submitted once, conflicting twice."""
    asked = request_v2(ec.generate_private_key(curve))
    reply = local.log_v2.handle(post(V2, asked))
    assert (reply.status, json.loads(reply.body)["integratedTime"]) == (201, "0")
    conflict = refused(local.log_v2.handle, post(V2, asked), 409)
    assert conflict.headers["X-Log-Index"] == json.loads(reply.body)["logIndex"]
    assert local.log_v2.handle(Request(method="GET", path="/api/v2/checkpoint")).body.startswith(b"localhost\n")


def test_rekor_v2_refuses(local: Sandbox) -> None:
    """DSSE, unknown fields, two verifiers, wrong key details and wrong signatures."""
    key = keys.p256()
    for asked, text in (
        ({"dsseRequestV002": {}}, "must be hashedrekord"),
        ({**request_v2(key), "x": 1}, "unknown field"),
        (request_v2(key, x=1), "unknown field"),
        (request_v2(key, x509Certificate={"rawBytes": ""}), "exactly one"),
        (request_v2(key, publicKey={"rawBytes": b64(b"-")}), "not DER"),
        (request_v2(key, keyDetails="PKIX_ED25519"), "keyDetails"),
        (request_v2(key, publicKey={"rawBytes": b64(keys.spki(keys.p256().public_key()))}), "does not hold"),
        (request_v2(key, publicKey={"rawBytes": "!"}), "not base64"),
    ):
        refused(local.log_v2.handle, post(V2, asked), 400, text)
    refused(local.log_v2.handle, Request(method="GET", path=V2), 404)


@pytest.mark.parametrize("certificates", [True, False])
def test_time_stamps(local: Sandbox, certificates: bool) -> None:
    """rfc3161-client, which reads DER strictly, verifies the stamp of both forms of request."""
    authority = local.timestamp_authority
    asked = rfc3161_client.TimestampRequestBuilder().data(b"sig").cert_request(cert_request=certificates).build()
    in_der = authority.handle(Request(method="POST", path=STAMP, body=asked.as_bytes()))
    value = {
        "artifactHash": b64(hashlib.sha512(b"sig").digest()),
        "hashAlgorithm": "sha512",
        "certificates": certificates,
    }
    in_json = authority.handle(post(STAMP, {**value, "nonce": 7}, **{"Content-Type": "application/json"}))
    for reply, nonce in ((in_der, asked.nonce), (in_json, 7)):
        response = rfc3161_client.decode_timestamp_response(reply.body)
        builder = rfc3161_client.VerifierBuilder().tsa_certificate(authority.leaf.certificate)
        verifier = builder.add_root_certificate(authority.root.certificate).build()
        assert verifier.verify_message(response, b"sig")
        assert response.tst_info.nonce == nonce


def test_time_stamps_refused(local: Sandbox) -> None:
    """Weak hashes, other policies and no DER."""
    handler = local.timestamp_authority.handle
    weak = {"artifactHash": b64(b"0" * 20), "hashAlgorithm": "sha1"}
    refused(handler, post(STAMP, weak, **{"Content-Type": "application/json"}), 400, "weak")
    for body, text in (
        (b"", "not DER"),
        (b"\x30\x05\x02", "cut short"),
        (b"\x30\x06\x02\x01\x01\x02\x01\x01", "not a"),
    ):
        refused(handler, Request(method="POST", path=STAMP, body=body), 400, text)
    imprint = der.sequence(der.sequence(der.oid("2.16.840.1.101.3.4.2.1")), der.octets(b"0" * 32))
    other = der.sequence(der.integer(1), imprint, der.oid("1.2.3.4"))
    refused(handler, Request(method="POST", path=STAMP, body=other), 400, "policy")
    refused(handler, Request(method="GET", path=STAMP), 405)


def test_issuer(local: Sandbox) -> None:
    """Discovery, and the runner's token request with its own bearer."""
    found = json.loads(local.issuer.handle(Request(method="GET", path="/.well-known/openid-configuration")).body)
    assert found["jwks_uri"] == "http://localhost:1/.well-known/jwks"
    bearer = {"Authorization": f"Bearer {local.issuer.request_token}"}
    reply = local.issuer.handle(Request(method="GET", path="/token", query={"audience": "sigstore"}, headers=bearer))
    assert local.issuer.check(json.loads(reply.body)["value"])["repository"] == "acme/app"
    refused(local.issuer.handle, Request(method="GET", path="/token"), 401)
    refused(local.issuer.handle, Request(method="GET", path="/other"), 404)
    tagged = local.issuer.check(local.token(ref="refs/tags/v1", environment="release"))
    assert (tagged["ref_type"], tagged["sub"]) == ("tag", "repo:acme/app:environment:release")
