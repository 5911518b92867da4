"""The peer of posting: a bare asyncio HTTP client and two servers, two hops and the same produce.

Client, gateway and proxy are processes of their own, as ours are. The gateway passes each request on; the proxy
produces its records and responds when the broker has acknowledged them. Nothing is checked, mapped or counted.
"""

import asyncio
import functools
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from confluent_kafka import Producer

CONNECTIONS = 32
"""Requests in flight: the poster's default for small requests."""
_START_SECONDS = 20.0
_POLL_SECONDS = 0.001
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Handle = Callable[[bytes], Awaitable[None]]


def post(bootstrap: str, topic: str, value: bytes, records: int) -> float:
    """Post records, one per request, through both hops; returns the seconds.

    Args:
        bootstrap: the broker's address.
        topic: the topic.
        value: the value of every record.
        records: the number of records.
    """
    proxy_port, gateway_port = _free_port(), _free_port()
    with _server("proxy", proxy_port, bootstrap, topic), _server("gateway", gateway_port, str(proxy_port)):
        asyncio.run(_post(gateway_port, value, CONNECTIONS))
        started = time.perf_counter()
        asyncio.run(_post(gateway_port, value, records))
        return time.perf_counter() - started


async def _post(port: int, value: bytes, records: int) -> None:
    requests = iter(range(records))

    async def send_all() -> None:
        connection = await asyncio.open_connection("127.0.0.1", port)
        for _ in requests:
            await _request(connection, value)
        connection[1].close()

    await asyncio.gather(*(send_all() for _ in range(CONNECTIONS)))


async def _request(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], body: bytes) -> None:
    reader, writer = connection
    writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    status, _ = await _message(reader)
    if not status.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"A bare server responded {status!r}.")


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read the first line and the body of a request or response."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    return head.partition(b"\r\n")[0], await reader.readexactly(length)


async def _serve(port: int, handle: Handle) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                _, body = await _message(reader)
                await handle(body)
                writer.write(_OK)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


async def _gateway(port: int, proxy_port: int) -> None:
    """Pass each request on over a connection that no other request uses."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def handle(body: bytes) -> None:
        connection = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", proxy_port)
        await _request(connection, body)
        idle.append(connection)

    await _serve(port, handle)


async def _proxy(port: int, bootstrap: str, topic: str) -> None:
    """Produce each body with the settings of our REST proxy, and wait for the acknowledgement."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 1})
    loop = asyncio.get_running_loop()

    async def handle(body: bytes) -> None:
        delivered = loop.create_future()
        producer.produce(topic, body, on_delivery=functools.partial(_settle, delivered))
        await delivered

    async def poll() -> None:
        while True:
            producer.poll(0)
            await asyncio.sleep(_POLL_SECONDS)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(poll())
        tasks.create_task(_serve(port, handle))


def _settle(delivered: "asyncio.Future[None]", error: object, _: object) -> None:
    if error is None:
        delivered.set_result(None)
    else:
        delivered.set_exception(RuntimeError(f"The broker refused a record: {error}."))


@contextmanager
def _server(role: str, port: int, *arguments: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks._bare_hops", role, str(port), *arguments])
    try:
        _await_listener(port, process)
        yield
    finally:
        process.terminate()
        process.wait()


def _await_listener(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"The bare server at port {port} did not start within {_START_SECONDS:g} s.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main(role: str, port: str, *arguments: str) -> None:
    """Serve as the gateway (the proxy's port) or the proxy (bootstrap servers and topic) until terminated."""
    with suppress(ImportError):  # our services use it too
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(
        _gateway(int(port), int(arguments[0])) if role == "gateway" else _proxy(int(port), arguments[0], arguments[1])
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
