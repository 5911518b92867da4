"""`python -m emulators.services.api_gateway`: the gateway of the home in PINTEREST_HOME."""

import sys

from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services.api_gateway import document
from emulators.services.api_gateway.app import Gateway
from emulators.services.api_gateway.service import DOCUMENT, endpoints, stage_variables
from emulators.services.http_guard import BoundedProtocol, Guard
from emulators.services.web import serve

if __name__ == "__main__":
    home = Home.find()
    try:
        api = document.read(DOCUMENT)
    except EmulatorFailure as failure:
        sys.exit(str(failure))
    gateway = Gateway(api, stage_variables(home), home.api_key, endpoints(home))
    # Pages of any Origin may use the API with its key, as the document says. The gateway limits headers itself.
    guard = Guard(gateway, accepts_origin=lambda _: True, largest_headers=BoundedProtocol.head_bytes)
    serve(lambda: guard, home.port("api_gateway"))
