"""One outgoing connection under a byte reserve, with or without TLS. Shared by the clients that dial out.

TLS runs over memory buffers, so that every byte at the socket is counted both ways: handshake, records, alerts. The
reserve is a promise to the destination (LAW §2): bytes out and in together never pass it on the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Protocol

from antiphon.errors import Unreachable

UNASKED_BYTES = 2304
"""What the kernel may have acknowledged before we ask (`dialer.RECEIVE_BUFFER_BYTES`). The last of the reserve is kept
back for it, so the count on the wire holds even against a peer that never stops talking."""

RECORD_BYTES = 16_384


class Dialer(Protocol):
    """Opens TCP connections to literal addresses."""

    async def connect(self, address: str, port: int, *, timeout_seconds: float) -> socket.socket:
        """A connected, non-blocking socket whose receive buffer holds at most UNASKED_BYTES. Raises Unreachable."""
        ...


class ReserveSpent(Exception):
    """The next step would pass the byte reserve; it was not taken. Never leaves the client that owns the line."""


class Line:
    """A connection that counts. After ReserveSpent the whole reserve is reported as used, since that is the bound."""

    def __init__(self, sock: socket.socket, reserve_bytes: int, unasked_bytes: int = UNASKED_BYTES) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._budget = reserve_bytes - unasked_bytes
        self._reserve_bytes = reserve_bytes
        self._spent = False
        self._tls: ssl.SSLObject | None = None
        self._inbox = ssl.MemoryBIO()
        self._outbox = ssl.MemoryBIO()
        self._bytes_in = 0
        self.bytes_out = 0

    @property
    def bytes_in(self) -> int:
        """TCP payload received; the rest of the reserve if the line was cut at it."""
        return max(self._bytes_in, self._reserve_bytes - self.bytes_out) if self._spent else self._bytes_in

    @property
    def remaining_bytes(self) -> int:
        """What may still pass, both ways together, TLS overhead included."""
        return self._budget - self.bytes_out - self._bytes_in

    async def secure(self, context: ssl.SSLContext, server_name: str) -> None:
        """TLS handshake with SNI. Raises ssl.SSLError (ssl.SSLCertVerificationError for the certificate),
        Unreachable when the peer hangs up, ReserveSpent."""
        tls = context.wrap_bio(self._inbox, self._outbox, server_hostname=server_name)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    raise Unreachable("The other side hung up during the TLS handshake.") from None
            except ssl.SSLError:
                with contextlib.suppress(ReserveSpent, OSError):
                    await self._flush()  # the alert, so that the other side knows why
                raise
        await self._flush()
        self._tls = tls

    async def send(self, data: bytes) -> None:
        """Hands all of `data` to the kernel, or raises ReserveSpent or OSError; records that fit may have left."""
        for start in range(0, len(data), RECORD_BYTES):
            chunk = data[start : start + RECORD_BYTES]
            if self._tls is None:
                await self._put(chunk)
            else:
                self._tls.write(chunk)
                await self._flush()

    async def receive(self) -> bytes:
        """Some bytes, or b"" when the other side has finished. Raises ssl.SSLError, OSError, ReserveSpent."""
        while True:
            if self._tls is None:
                return await self._take()
            try:
                return self._tls.read(RECORD_BYTES)
            except ssl.SSLWantReadError:
                await self._flush()  # reading may have made a key update to answer
                if not await self._fill():
                    return b""
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def close(self) -> None:
        """Hangs up; what the other side still sends is refused by the kernel."""
        self._socket.close()

    async def _flush(self) -> None:
        if self._outbox.pending:
            await self._put(self._outbox.read())

    async def _put(self, data: bytes) -> None:
        if len(data) > self.remaining_bytes:
            self._spent = True
            raise ReserveSpent
        # Counted before it is written: a crash of the write must not make it free.
        self.bytes_out += len(data)
        await self._loop.sock_sendall(self._socket, data)

    async def _fill(self) -> bool:
        data = await self._take()
        if data:
            self._inbox.write(data)
        else:
            self._inbox.write_eof()
        return bool(data)

    async def _take(self) -> bytes:
        if self.remaining_bytes <= 0:
            self._spent = True
            raise ReserveSpent
        # No more than remains: what is taken out of the kernel's buffer makes room for as much again.
        data = await self._loop.sock_recv(self._socket, min(self.remaining_bytes, RECORD_BYTES))
        self._bytes_in += len(data)
        return data


async def open_line(
    dialer: Dialer,
    address: str,
    port: int,
    *,
    reserve_bytes: int,
    timeout_seconds: float,
    unasked_bytes: int = UNASKED_BYTES,
) -> Line:
    """A counted line to one address. Raises Unreachable.

    A larger `unasked_bytes` makes long answers faster and keeps as much more of the reserve back.
    """
    sock = await dialer.connect(address, port, timeout_seconds=timeout_seconds)
    if unasked_bytes > UNASKED_BYTES:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, unasked_bytes // 2)
    return Line(sock, reserve_bytes, unasked_bytes)
