"""Test controls of a server that was started with --controls: inject faults."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.services.databricks.errors import ApiError
from emulators.services.databricks.faults import Faults
from emulators.services.web import json_object, json_response

PATH = "/_faults"


def routes(faults: Faults) -> list[Route]:
    """Return the routes that set and describe faults (GET and POST /_faults)."""

    async def configure(request: Request) -> Response:
        if request.method == "POST":
            try:
                faults.configure(json_object(await request.body()))
            except (ApiError, ValueError) as error:
                return json_response({"message": str(error)}, 400)
        return json_response(faults.describe())

    return [Route(PATH, configure, methods=["GET", "POST"])]
