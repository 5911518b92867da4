"""Integrations of type `aws`: mapping templates turn a call into an action of an Amazon service."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp

from emulators.services.api_gateway.document import DocumentError, Operation, constant, response_headers
from emulators.services.api_gateway.exchange import (
    Call,
    Response,
    misconfigured,
    timed_out,
    unreachable,
    unsupported_media_type,
)
from emulators.services.api_gateway.mapping import MappingTemplate

IMPORT_VARIABLES = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "000000000000"}
"""Variables that Amazon fills in when a document is imported."""

_URI = re.compile(r"arn:[a-z-]+:apigateway:[a-z0-9-]+:([a-z0-9-]+):action/(\w+)")
_ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+")
_TARGETS = {"kinesis": "Kinesis_20131202."}
"""The version prefix of action names, by service."""

_DEFAULT_TYPE = "application/json"
_PASSTHROUGH = ("when_no_match", "when_no_templates", "never")
_KNOWN = frozenset(
    {"type", "httpMethod", "uri", "credentials", "requestParameters", "requestTemplates", "passthroughBehavior",
     "timeoutInMillis", "responses"}
)  # fmt: skip


class AwsAction:
    """An integration that calls one action of a service.

    Args:
        operation: the operation.
        variables: the stage's variables.
        session: the pooled client.
        endpoints: addresses of the services by name.
        longest_ms: upper limit of the time-out in milliseconds.

    Raises:
        DocumentError: a part of the integration cannot be executed.
    """

    def __init__(
        self,
        operation: Operation,
        variables: Mapping[str, str],
        session: aiohttp.ClientSession,
        endpoints: Mapping[str, str],
        longest_ms: int,
    ) -> None:
        integration, location = operation.integration, operation.location
        if unknown := integration.keys() - _KNOWN:
            raise DocumentError(location, f"the integration's {', '.join(sorted(unknown))} cannot be executed")
        _check_role(location, _filled(location, str(integration.get("credentials", "")), variables))
        service, action = _action(location, _filled(location, str(integration.get("uri", "")), variables))
        if service not in endpoints:
            raise DocumentError(location, f"the service {service} has no address")
        self._url = endpoints[service]
        self._method = str(integration.get("httpMethod", "POST")).upper()
        self._headers = {"X-Amz-Target": _TARGETS[service] + action, **_headers(location, integration)}
        self._templates = {
            kind.lower(): MappingTemplate(f"{location}, requestTemplates {kind}", text, variables)
            for kind, text in (integration.get("requestTemplates") or {}).items()
        }
        self._passthrough = str(integration.get("passthroughBehavior", "when_no_match")).lower()
        if self._passthrough not in _PASSTHROUGH:
            raise DocumentError(location, f"passthroughBehavior {self._passthrough} is unknown")
        self._responses, self._default = _responses(location, integration.get("responses") or {})
        self._timeout = aiohttp.ClientTimeout(
            total=min(int(integration.get("timeoutInMillis", longest_ms)), longest_ms) / 1000
        )
        self._session = session

    async def respond(self, call: Call) -> Response:
        """Return the service's body with the status that the document maps the service's status to."""
        try:
            async with self._session.request(
                self._method,
                self._url,
                data=self._body(call),
                headers=self._headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as backend_response:
                body = await backend_response.read()
        except TimeoutError:
            raise timed_out() from None
        except aiohttp.ClientError:
            raise unreachable() from None
        response = self._response(backend_response.status)
        return Response(response.status, ((b"content-type", b"application/json"), *response.headers), body)

    def _body(self, call: Call) -> bytes:
        kind = (call.header(b"content-type") or _DEFAULT_TYPE).partition(";")[0].strip().lower()
        template = self._templates.get(kind)
        if template is not None:
            return template.render(call)
        if self._passthrough == "when_no_match" or (self._passthrough == "when_no_templates" and not self._templates):
            return call.body
        raise unsupported_media_type()

    def _response(self, status: int) -> "_Response":
        for pattern, response in self._responses:
            if pattern.fullmatch(str(status)):
                return response
        if self._default is None:
            raise misconfigured()
        return self._default


def _filled(location: str, text: str, variables: Mapping[str, str]) -> str:
    """Return a text with the variables of the stage and of Amazon's import replaced."""

    def value(match: re.Match[str]) -> str:
        name = match[1].removeprefix("stageVariables.")
        values = IMPORT_VARIABLES if name == match[1] else variables
        if name not in values:
            raise DocumentError(location, f"the variable {match[1]} is not set")
        return values[name]

    return re.sub(r"\$\{([\w:.]+)\}", value, text)


def _check_role(location: str, credentials: str) -> None:
    """Raise DocumentError for a document without a role: Amazon requires one, although it is not used here."""
    if not _ROLE.fullmatch(credentials):
        raise DocumentError(location, f"the credentials {credentials!r} are not the ARN of a role")


def _action(location: str, uri: str) -> tuple[str, str]:
    match = _URI.fullmatch(uri)
    if match is None or match[1] not in _TARGETS:
        raise DocumentError(location, f"the uri {uri!r} is not an action of {', '.join(_TARGETS)}")
    return match[1], match[2]


def _headers(location: str, integration: Mapping[str, Any]) -> dict[str, str]:
    prefix = "integration.request.header."
    parameters: Mapping[str, str] = integration.get("requestParameters") or {}
    for name in parameters:
        if not name.startswith(prefix):
            raise DocumentError(location, f"the request parameter {name} is not a header")
    return {name.removeprefix(prefix): constant(location, value) for name, value in parameters.items()}


class _Response(NamedTuple):
    """The gateway's response to a status of the service: a status, and headers in addition to the service's body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]


def _responses(
    location: str, mapped: Mapping[str, Mapping[str, Any]]
) -> tuple[list[tuple[re.Pattern[str], _Response]], _Response | None]:
    """Return the responses by pattern of the service's status, and the default response."""
    responses: dict[str, _Response] = {}
    for pattern, response in mapped.items():
        if response.keys() - {"responseParameters"} != {"statusCode"}:
            raise DocumentError(
                location, f"the response {pattern} must have a statusCode, optional headers, and no more"
            )
        responses[pattern] = _Response(int(response["statusCode"]), response_headers(location, response))
    if not responses:
        raise DocumentError(location, "the integration maps no response")
    default = responses.pop("default", None)
    return [(re.compile(pattern), response) for pattern, response in responses.items()], default
