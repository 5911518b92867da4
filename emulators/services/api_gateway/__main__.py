"""`python -m emulators.services.api_gateway`: the gateway of the home in PINTEREST_HOME."""

import sys

from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services.api_gateway import document
from emulators.services.api_gateway.app import Gateway
from emulators.services.api_gateway.service import DOCUMENT, endpoints, stage_variables
from emulators.services.web import serve

if __name__ == "__main__":
    home = Home.find()
    try:
        api = document.read(DOCUMENT)
    except EmulatorFailure as failure:
        sys.exit(str(failure))
    serve(lambda: Gateway(api, stage_variables(home), home.api_key, endpoints(home)), home.port("api_gateway"))
