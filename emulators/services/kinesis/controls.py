"""Test controls of a server that was started with --controls: inject faults, advance its clock."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.services.kinesis.core import Core
from emulators.services.web import json_object, json_response


def routes(core: Core) -> list[Route]:
    """Return the routes of faults and of the clock (GET and POST /_faults, POST /_clock)."""

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            try:
                core.faults.configure(json_object(await request.body()))
            except ValueError as error:
                return json_response({"message": str(error)}, 400)
        return json_response(core.faults.describe())

    async def clock(request: Request) -> Response:
        try:
            seconds = json_object(await request.body()).get("advance_seconds")
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
                raise ValueError("advance_seconds must be a number of 0 or more")
        except ValueError as error:
            return json_response({"message": str(error)}, 400)
        core.advance_clock(round(seconds * 1000))
        await core.journal.durable()
        return json_response({"now_ms": core.clock.now_ms()})

    return [Route("/_faults", faults, methods=["GET", "POST"]), Route("/_clock", clock, methods=["POST"])]
