"""Integrations of type `aws`: a call becomes an action of an Amazon service through mapping templates."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import aiohttp

from emulators.services.api_gateway.document import DocumentError, Operation, constant, response_headers
from emulators.services.api_gateway.exchange import (
    Answer,
    Call,
    misconfigured,
    timed_out,
    unreachable,
    unsupported_media_type,
)
from emulators.services.api_gateway.mapping import MappingTemplate

IMPORT_VARIABLES = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "000000000000"}
"""What Amazon fills in when a document is imported."""

_URI = re.compile(r"arn:[a-z-]+:apigateway:[a-z0-9-]+:([a-z0-9-]+):action/(\w+)")
_ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+")
_TARGETS = {"kinesis": "Kinesis_20131202."}
"""The version that stands before an action's name, by service."""

_DEFAULT_TYPE = "application/json"
_PASSTHROUGH = ("when_no_match", "when_no_templates", "never")
_KNOWN = frozenset(
    {"type", "httpMethod", "uri", "credentials", "requestParameters", "requestTemplates", "passthroughBehavior",
     "timeoutInMillis", "responses"}
)  # fmt: skip


class AwsAction:
    """Calls one action of a service.

    Args:
        operation: its operation.
        variables: the stage's variables.
        session: the pooled client.
        endpoints: where the services are, by name.
        longest_ms: milliseconds that the gateway waits at most.

    Raises:
        DocumentError: something in the integration cannot be executed.
    """

    def __init__(
        self,
        operation: Operation,
        variables: Mapping[str, str],
        session: aiohttp.ClientSession,
        endpoints: Mapping[str, str],
        longest_ms: int,
    ) -> None:
        told, where = operation.integration, operation.where
        if unknown := told.keys() - _KNOWN:
            raise DocumentError(where, f"the integration's {', '.join(sorted(unknown))} cannot be executed")
        _check_role(where, _filled(where, str(told.get("credentials", "")), variables))
        service, action = _action(where, _filled(where, str(told.get("uri", "")), variables))
        if service not in endpoints:
            raise DocumentError(where, f"nothing says where the service {service} is")
        self._url = endpoints[service]
        self._method = str(told.get("httpMethod", "POST")).upper()
        self._headers = {"X-Amz-Target": _TARGETS[service] + action, **_headers(where, told)}
        self._templates = {
            kind.lower(): MappingTemplate(f"{where}, requestTemplates {kind}", text, variables)
            for kind, text in (told.get("requestTemplates") or {}).items()
        }
        self._passthrough = str(told.get("passthroughBehavior", "when_no_match")).lower()
        if self._passthrough not in _PASSTHROUGH:
            raise DocumentError(where, f"passthroughBehavior {self._passthrough} is unknown")
        self._responses, self._default = _responses(where, told.get("responses") or {})
        self._timeout = aiohttp.ClientTimeout(
            total=min(int(told.get("timeoutInMillis", longest_ms)), longest_ms) / 1000
        )
        self._session = session

    async def answer(self, call: Call) -> Answer:
        """The service's body, under the status that the document gives to the service's status."""
        try:
            async with self._session.request(
                self._method,
                self._url,
                data=self._body(call),
                headers=self._headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
        except TimeoutError:
            raise timed_out() from None
        except aiohttp.ClientError:
            raise unreachable() from None
        response = self._response(answer.status)
        return Answer(response.status, ((b"content-type", b"application/json"), *response.headers), body)

    def _body(self, call: Call) -> bytes:
        kind = (call.header(b"content-type") or _DEFAULT_TYPE).partition(";")[0].strip().lower()
        template = self._templates.get(kind)
        if template is not None:
            return template.render(call)
        if self._passthrough == "when_no_match" or (self._passthrough == "when_no_templates" and not self._templates):
            return call.body
        raise unsupported_media_type()

    def _response(self, status: int) -> "_Response":
        for pattern, ours in self._responses:
            if pattern.fullmatch(str(status)):
                return ours
        if self._default is None:
            raise misconfigured()
        return self._default


def _filled(where: str, text: str, variables: Mapping[str, str]) -> str:
    """A text with the variables of the stage and of Amazon's import filled in."""

    def value(found: re.Match[str]) -> str:
        name = found[1].removeprefix("stageVariables.")
        known = IMPORT_VARIABLES if name == found[1] else variables
        if name not in known:
            raise DocumentError(where, f"the variable {found[1]} is not set")
        return known[name]

    return re.sub(r"\$\{([\w:.]+)\}", value, text)


def _check_role(where: str, credentials: str) -> None:
    """Here nobody checks who calls a service; Amazon does, so a document without a role is refused."""
    if not _ROLE.fullmatch(credentials):
        raise DocumentError(where, f"the credentials {credentials!r} are no role's ARN")


def _action(where: str, uri: str) -> tuple[str, str]:
    match = _URI.fullmatch(uri)
    if match is None or match[1] not in _TARGETS:
        raise DocumentError(where, f"the uri {uri!r} is no action of {', '.join(_TARGETS)}")
    return match[1], match[2]


def _headers(where: str, told: Mapping[str, Any]) -> dict[str, str]:
    prefix = "integration.request.header."
    parameters: Mapping[str, str] = told.get("requestParameters") or {}
    for name in parameters:
        if not name.startswith(prefix):
            raise DocumentError(where, f"the request parameter {name} is no header's")
    return {name.removeprefix(prefix): constant(where, value) for name, value in parameters.items()}


class _Response(NamedTuple):
    """What a status of the service becomes: a status, and headers beside the service's body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]


def _responses(
    where: str, told: Mapping[str, Mapping[str, Any]]
) -> tuple[list[tuple[re.Pattern[str], _Response]], _Response | None]:
    """What to answer with, by pattern of the service's status, and what for all others."""
    responses: dict[str, _Response] = {}
    for pattern, response in told.items():
        if response.keys() - {"responseParameters"} != {"statusCode"}:
            raise DocumentError(where, f"the response {pattern} must give a statusCode, perhaps headers, and no more")
        responses[pattern] = _Response(int(response["statusCode"]), response_headers(where, response))
    if not responses:
        raise DocumentError(where, "it maps no response")
    default = responses.pop("default", None)
    return [(re.compile(pattern), response) for pattern, response in responses.items()], default
