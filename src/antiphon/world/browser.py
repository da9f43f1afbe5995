"""What a person at an originator uses to open the page behind a notice's link. Trusts this world's authority only."""

from __future__ import annotations

import asyncio
import ssl

from antiphon.world.network import Network


async def browse(network: Network, url: str, *, form: str = "") -> str:
    """The page at an https URL of this world; with `form`, what comes after the button was pressed."""
    host, _, path = url.removeprefix("https://").partition("/")
    port = network.loopback_port(network.address_of(host), 443)
    trust = ssl.create_default_context(cadata=network.authority.certificate.decode())
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=host)
    status, body = await exchange(reader, writer, host, f"/{path}", form=form)
    writer.close()
    if status // 100 != 2:
        raise LookupError(f"{url} answered {status}")
    return body.decode("utf-8", "replace")


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, target: str, *, form: str = ""
) -> tuple[int, bytes]:
    """One HTTP request over an open connection: status and body."""
    method = "POST" if form else "GET"
    content = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n" if form else ""
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{content}Connection: close\r\n\r\n{form}".encode())
    await writer.drain()
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return (int(words[1]) if len(words) > 1 else 502), body
