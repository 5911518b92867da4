"""The kinds of integration that the gateway executes: one class each, made from the document's integration object."""

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
import yarl

from emulators.services.api_gateway.aws import AwsAction
from emulators.services.api_gateway.document import DocumentError, Operation, response_headers
from emulators.services.api_gateway.exchange import Answer, Call, timed_out, unreachable

LONGEST_MS = 29_000
"""Milliseconds that API Gateway waits for a backend at most."""

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
     b"transfer-encoding", b"upgrade"}
)  # fmt: skip


class Integration(Protocol):
    """What answers a call."""

    async def answer(self, call: Call) -> Answer:
        """Answer a call; raises GatewayError where the backend cannot."""
        ...


def make(
    operation: Operation, variables: Mapping[str, str], session: aiohttp.ClientSession, endpoints: Mapping[str, str]
) -> Integration:
    """The integration of an operation.

    Args:
        operation: the operation.
        variables: the stage's variables.
        session: the pooled client for backends.
        endpoints: where Amazon's services are, by name.

    Raises:
        DocumentError: the kind, or something in it, is unknown.
    """
    kind = str(operation.integration.get("type", "")).lower()
    if kind == "http_proxy":
        return HttpProxy(operation, variables, session)
    if kind == "aws":
        return AwsAction(operation, variables, session, endpoints, LONGEST_MS)
    if kind == "mock":
        return Mock(operation)
    raise DocumentError(operation.where, f"integrations of type {kind!r} are unknown")


class HttpProxy:
    """Hands a call on to a backend and its answer back, both as they are.

    Args:
        operation: its operation.
        variables: the stage's variables.
        session: the pooled client.
    """

    def __init__(self, operation: Operation, variables: Mapping[str, str], session: aiohttp.ClientSession) -> None:
        told = operation.integration
        self._uri = _with_variables(operation.where, str(told["uri"]), variables)
        self._method = str(told.get("httpMethod", "ANY")).upper()
        self._parameters = _path_parameters(operation.where, told.get("requestParameters") or {})
        self._key_header = operation.key_header
        self._timeout = aiohttp.ClientTimeout(
            total=min(int(told.get("timeoutInMillis", LONGEST_MS)), LONGEST_MS) / 1000
        )
        self._session = session

    async def answer(self, call: Call) -> Answer:
        """The backend's status, headers and body."""
        method = call.method if self._method == "ANY" else self._method
        try:
            async with self._session.request(
                method,
                self._address(call),
                data=call.body or None,
                headers=self._forwarded(call),
                timeout=self._timeout,
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                headers = [(name.lower(), value) for name, value in answer.raw_headers if name.lower() != b"date"]
                return Answer(answer.status, _end_to_end(headers), body)
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
        """The call's headers without those of the hop, and without the key, which is the gateway's own affair."""
        own = (b"host", b"content-length", b"expect", self._key_header)
        return [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in _end_to_end(call.headers)
            if name not in own
        ]


class Mock:
    """Answers by itself, with constant headers.

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
            raise DocumentError(operation.where, "the mock chooses no response with a status") from None
        self._answer = Answer(status, response_headers(operation.where, response))

    async def answer(self, call: Call) -> Answer:  # noqa: ARG002 - whatever was asked
        """The same answer to every call."""
        return self._answer


def _with_variables(where: str, uri: str, variables: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in variables:
            raise DocumentError(where, f"the stage variable {found[1]} is not set")
        return variables[found[1]]

    return re.sub(r"\$\{stageVariables\.(\w+)\}", value, uri)


def _path_parameters(where: str, told: Mapping[str, str]) -> dict[str, str]:
    """Names in the backend's path by the names in ours that give their value."""
    target, source = "integration.request.path.", "method.request.path."
    for name, value in told.items():
        if not (name.startswith(target) and value.startswith(source)):
            raise DocumentError(where, f"the request parameter {name}: {value} is none of path to path")
    return {name.removeprefix(target): value.removeprefix(source) for name, value in told.items()}


def _end_to_end(headers: Any) -> list[tuple[bytes, bytes]]:
    """Headers without those that only concern one connection, those that `connection` names among them."""
    named = {part.strip().lower() for name, value in headers if name == b"connection" for part in value.split(b",")}
    dropped = _HOP_BY_HOP | named if named else _HOP_BY_HOP
    return [(name, value) for name, value in headers if name not in dropped]
