"""Keys and certificates of this machine's address, for tests of TLS."""

from __future__ import annotations

import datetime
import ipaddress
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Pair(NamedTuple):
    """The files of a key and of its certificate."""

    key: str
    certificate: str

    @property
    def options(self) -> tuple[str, ...]:
        """What a server is told."""
        return "--ssl-keyfile", self.key, "--ssl-certfile", self.certificate


def own_certificate(folder: Path, name: str = "own", *, password: str | None = None) -> Pair:
    """Make a key and a certificate of this machine's address, which nobody vouches for."""
    x509, hashes = (
        pytest.importorskip("cryptography.x509"),
        pytest.importorskip("cryptography.hazmat.primitives.hashes"),
    )
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
    key = ec.generate_private_key(ec.SECP256R1())
    said = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab")])
    today = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(said).issuer_name(said).public_key(key.public_key())
    builder = builder.serial_number(1).add_extension(address, critical=False)
    made = builder.not_valid_before(today - datetime.timedelta(1)).not_valid_after(today + datetime.timedelta(1))
    pem = serialization.Encoding.PEM
    lock = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    files = folder / f"{name}-key.pem", folder / f"{name}-certificate.pem"
    files[0].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, lock))
    files[1].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    return Pair(*map(str, files))
