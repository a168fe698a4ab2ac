"""What the X.509 library remarks about a certificate is no matter of whoever verifies it."""

from __future__ import annotations

import base64
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SCRIPT = """
import base64, sys
from sigstep.proofs.certificate import identity_of, load_leaf
from sigstep.trust.pem_roots import root_of_pems
from sigstep.wire.rekor_body import encode_pem
der = base64.b64decode(sys.argv[1])
root_of_pems("r", authorities=[encode_pem(der, "CERTIFICATE")])
print(identity_of(load_leaf(der)).subject)
"""


def test_an_odd_name_says_and_stops_nothing() -> None:
    """A country of three letters, where every warning is an error: the certificate is read, also as an authority, in silence."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime(2026, 6, 1, tzinfo=timezone.utc)
    with pytest.warns(UserWarning, match="length"):
        odd = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "USA", _validate=False)])
    made = (
        x509.CertificateBuilder(odd, odd, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name("a@b.example")]), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoded = base64.b64encode(made.public_bytes(Encoding.DER)).decode()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, encoded], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "a@b.example\n", "")
