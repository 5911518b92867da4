"""The bare HTTP client and servers that posting is compared with."""

import asyncio
from collections import Counter

import pytest

from benchmarks import _bare_hops


def test_every_request_passes_both_servers_once() -> None:
    bodies: Counter[bytes] = Counter()

    async def proxy(body: bytes) -> None:
        await asyncio.sleep(0)
        bodies[body] += 1

    async def run() -> None:
        proxy_port, gateway_port = _bare_hops._free_port(), _bare_hops._free_port()
        servers = [
            asyncio.create_task(_bare_hops._serve(proxy_port, proxy)),
            asyncio.create_task(_bare_hops._gateway(gateway_port, proxy_port)),
        ]
        await asyncio.sleep(0.2)
        await _bare_hops._post(gateway_port, b'{"ind":1}', 100)
        for server in servers:
            server.cancel()

    asyncio.run(run())
    assert bodies == {b'{"ind":1}': 100}


def test_a_reply_other_than_200_fails() -> None:
    async def run() -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connection = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(RuntimeError, match="503"):
            await _bare_hops._request(connection, b"{}")
        connection[1].close()
        server.close()

    asyncio.run(run())
