"""The kinds of integration that the gateway executes: one class each, built from the document's integration object."""

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
import yarl

from emulators.services.api_gateway.aws import AwsAction
from emulators.services.api_gateway.document import DocumentError, Operation, response_headers
from emulators.services.api_gateway.exchange import Call, Response, timed_out, unreachable

LONGEST_MS = 29_000
"""API Gateway's longest time-out of a backend in milliseconds."""

API_ID_HEADER = "x-amzn-apigateway-api-id"
"""API Gateway adds it to requests to HTTP backends, which recognize the gateway by it."""

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
     b"transfer-encoding", b"upgrade"}
)  # fmt: skip


class Integration(Protocol):
    """An executable integration."""

    async def respond(self, call: Call) -> Response:
        """Respond to a call; raises GatewayError if the backend fails."""
        ...


def make(
    operation: Operation, variables: Mapping[str, str], session: aiohttp.ClientSession, endpoints: Mapping[str, str]
) -> Integration:
    """Return the integration of an operation.

    Args:
        operation: the operation.
        variables: the stage's variables.
        session: the pooled client for backends.
        endpoints: addresses of Amazon's services by name.

    Raises:
        DocumentError: the kind or a part of the integration is not supported.
    """
    kind = str(operation.integration.get("type", "")).lower()
    if kind == "http_proxy":
        return HttpProxy(operation, variables, session)
    if kind == "aws":
        return AwsAction(operation, variables, session, endpoints, LONGEST_MS)
    if kind == "mock":
        return Mock(operation)
    raise DocumentError(operation.location, f"integrations of type {kind!r} are not supported")


class HttpProxy:
    """An integration that forwards a call to a backend and returns its response, both unchanged.

    Args:
        operation: its operation.
        variables: the stage's variables.
        session: the pooled client.
    """

    def __init__(self, operation: Operation, variables: Mapping[str, str], session: aiohttp.ClientSession) -> None:
        integration = operation.integration
        self._uri = _with_variables(operation.location, str(integration["uri"]), variables)
        self._method = str(integration.get("httpMethod", "ANY")).upper()
        self._parameters = _path_parameters(operation.location, integration.get("requestParameters") or {})
        self._key_header = operation.key_header
        self._timeout = aiohttp.ClientTimeout(
            total=min(int(integration.get("timeoutInMillis", LONGEST_MS)), LONGEST_MS) / 1000
        )
        self._session = session

    async def respond(self, call: Call) -> Response:
        """Return the backend's status, headers and body."""
        method = call.method if self._method == "ANY" else self._method
        try:
            async with self._session.request(
                method,
                self._address(call),
                data=call.body or None,
                headers=self._forwarded(call),
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                body = await response.read()
                headers = [(name.lower(), value) for name, value in response.raw_headers if name.lower() != b"date"]
                return Response(response.status, _end_to_end(headers), body)
        except TimeoutError:
            raise timed_out() from None
        except aiohttp.ClientError:
            raise unreachable() from None

    def _address(self, call: Call) -> yarl.URL:
        uri = self._uri
        for name, source in self._parameters.items():
            uri = uri.replace(f"{{{name}}}", call.path_parameters[source])
        return yarl.URL(f"{uri}?{call.query}" if call.query else uri, encoded=True)

    def _forwarded(self, call: Call) -> list[tuple[str, str]]:
        """Return the call's headers without hop-by-hop headers and without the gateway's key."""
        own = (b"host", b"content-length", b"expect", API_ID_HEADER.encode(), self._key_header)
        forwarded = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in _end_to_end(call.headers)
            if name not in own
        ]
        return [*forwarded, (API_ID_HEADER, "emulated")]


class Mock:
    """An integration that responds without a backend, with constant headers.

    Args:
        operation: its operation.
    """

    def __init__(self, operation: Operation) -> None:
        template = (operation.integration.get("requestTemplates") or {}).get("application/json", '{"statusCode": 200}')
        responses = operation.integration.get("responses") or {}
        try:
            chosen = str(json.loads(template)["statusCode"])
            response = responses[chosen] if chosen in responses else responses["default"]
            status = int(response["statusCode"])
        except (ValueError, KeyError, TypeError):
            raise DocumentError(operation.location, "the mock selects no response with a status") from None
        self._response = Response(status, response_headers(operation.location, response))

    async def respond(self, call: Call) -> Response:  # noqa: ARG002
        """Return the same response to every call."""
        return self._response


def _with_variables(location: str, uri: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise DocumentError(location, f"the stage variable {match[1]} is not set")
        return variables[match[1]]

    return re.sub(r"\$\{stageVariables\.(\w+)\}", value, uri)


def _path_parameters(location: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the names in our path by the names in the backend's path that they fill."""
    target, source = "integration.request.path.", "method.request.path."
    for name, value in parameters.items():
        if not (name.startswith(target) and value.startswith(source)):
            raise DocumentError(location, f"the request parameter {name}: {value} does not map path to path")
    return {name.removeprefix(target): value.removeprefix(source) for name, value in parameters.items()}


def _end_to_end(headers: Any) -> list[tuple[bytes, bytes]]:
    """Return headers without hop-by-hop headers, which include those that `connection` names."""
    named = {part.strip().lower() for name, value in headers if name == b"connection" for part in value.split(b",")}
    dropped = _HOP_BY_HOP | named if named else _HOP_BY_HOP
    return [(name, value) for name, value in headers if name not in dropped]
