"""The world's own certificate authority; trusted by nodes of this world and by nobody else."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

# TLS is judged by the machine's own clock, whatever the world's says.
FROM, TO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=365 * 40)


class Authority:
    """Issues certificates for the hosts of one world. Keys, numbers and signatures have one length each, so that a
    handshake takes as many bytes in every run of a seed."""

    def __init__(self) -> None:
        self._key, self._serial = Ed25519PrivateKey.generate(), count(1)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "world authority")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = self._builder(name, name, self._key.public_key())
        self._own = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, None)
        )
        self.certificate = self._own.public_bytes(Encoding.PEM)

    def pem(self, host: str) -> bytes:
        """Key and certificate of this host, and of every name below it."""
        key = Ed25519PrivateKey.generate()
        names = [x509.DNSName(host), x509.DNSName(f"*.{host}")]
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            self._builder(x509.Name([]), self._own.subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName(names), critical=True)
            .add_extension(identifier, critical=False)
            .sign(self._key, None)
        )
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return plain + certificate.public_bytes(Encoding.PEM)

    def context(self, host: str) -> ssl.SSLContext:
        """A server context that is this host, and every name below it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "host.pem"
            path.write_bytes(self.pem(host))
            context.load_cert_chain(path)
        return context

    def _builder(self, subject: x509.Name, issuer: x509.Name, key: Ed25519PublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(next(self._serial))
            .not_valid_before(FROM)
            .not_valid_after(TO)
        )
