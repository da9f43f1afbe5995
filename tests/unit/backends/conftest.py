"""A certificate authority and small servers on loopback, for the clients that dial out."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[..., AbstractAsyncContextManager[int]]


class Authority:
    """A certificate authority that exists for one test run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])
        self._root = self._certificate(self._name, self._key.public_key(), x509.BasicConstraints(True, 0))
        (folder / "root.pem").write_bytes(self._root.public_bytes(serialization.Encoding.PEM))

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType, year: int = 2090
    ) -> x509.Certificate:
        begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        builder = x509.CertificateBuilder().issuer_name(self._name).subject_name(subject).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, True)
        builder = builder.not_valid_before(begin).not_valid_after(begin.replace(year=year))
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
        builder = builder.add_extension(authority, False)
        if subject == self._name:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(identifier, False).add_extension(usage, True)
        return builder.sign(self._key, hashes.SHA256())

    def server(self, host: str, year: int = 2090) -> ssl.SSLContext:
        """What a server of this name presents; expired when `year` is in the past."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        certificate = self._certificate(x509.Name([]), key.public_key(), names, year)
        pem = self._folder / f"{host}.pem"
        text = serialization.Encoding.PEM
        pem.write_bytes(
            key.private_bytes(text, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + certificate.public_bytes(text)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def client(self) -> ssl.SSLContext:
        """A context that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self._folder / "root.pem"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One authority for the run: keys are dear."""
    return Authority(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def _serve(handler: Handler, context: ssl.SSLContext | None = None):
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await handler(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(5):  # aborted transports close their sockets in the turns that follow
            await asyncio.sleep(0)


@pytest.fixture
def serve() -> Serve:
    """`async with serve(handler, context) as port`: a loopback server for as long as the block lasts."""
    return _serve
