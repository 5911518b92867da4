"""A small gateway for tests: it implements rule W5, keeps accepted values, and fails as configured."""

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

Reply = tuple[int, Any]
Behaviour = Callable[[int, str, list[dict[str, Any]]], Reply | None]
"""Gets the request's number, its topic and its records; None accepts them all."""


def accepted(records: list[Any]) -> Reply:
    """Return a reply that accepts everything."""
    return 200, {"offsets": [{"partition": 0, "offset": 1, "error_code": None, "error": None} for _ in records]}


def rejecting(records: list[Any], codes: dict[int, int]) -> Reply:
    """Return a reply in which the records at some positions fail with a code."""
    return 200, {
        "offsets": [
            {"partition": None, "offset": None, "error_code": codes[at], "error": f"reason {codes[at]}"}
            if at in codes
            else {"partition": 0, "offset": at, "error_code": None, "error": None}
            for at in range(len(records))
        ]
    }


class Gateway:
    """A gateway that keeps the accepted values by topic, in the order of arrival."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.topics: dict[str, list[Any]] = defaultdict(list)
        self.keys: dict[str, list[Any]] = defaultdict(list)
        self.requests: list[tuple[str, dict[str, str], list[dict[str, Any]]]] = []
        self.order: list[tuple[str, Any]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        records = json.loads(await request.read())["records"]
        topic = request.match_info["topic"]
        self.requests.append((topic, dict(request.headers), records))
        number = len(self.requests)
        # Answers arrive out of order, as on a network.
        await asyncio.sleep(0.001 * (number * 7 % 5))
        status, body = self.behaviour(number, topic, records) or accepted(records)
        results = body.get("offsets") if status == 200 and isinstance(body, dict) else None
        if isinstance(results, list):
            for record, result in zip(records, results, strict=False):
                if isinstance(result, dict) and result["error_code"] is None:
                    self.topics[topic].append(record["value"])
                    self.keys[topic].append(record["key"])
                    self.order.append((topic, record["key"]))
        return web.json_response(body, status=status, headers={"Retry-After": "0"} if status == 429 else None)


@contextmanager
def serving(behaviour: Behaviour = lambda *_: None) -> Iterator[Gateway]:
    """Run a gateway on a free port in its own thread."""
    gateway = Gateway(behaviour)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    app = web.Application(client_max_size=2**30)
    app.router.add_post("/staging/topics/{topic}", gateway.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start() -> int:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner.addresses[0][1]

    try:
        port = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        gateway.url = f"http://127.0.0.1:{port}/staging"
        yield gateway
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
