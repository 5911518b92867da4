"""Reading the OpenAPI document into executable operations; a document that cannot be executed is rejected at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from emulators.failures import EmulatorFailure
from emulators.services.api_gateway.routing import Route, Template

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"
_RESPONSES = "x-amazon-apigateway-gateway-responses"


class DocumentError(EmulatorFailure):
    """A part of the document that this gateway cannot execute.

    Args:
        location: the part of the document.
        problem: what is wrong with it.
    """

    def __init__(self, location: str, problem: str) -> None:
        super().__init__(f"The API document, {location}: {problem}.", "Fix the document, or extend the gateway.")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    Args:
        location: its path and method, for messages.
        key_header: the header of the API key, in lower case; None if no key is required.
        integration: the raw integration object.
    """

    location: str
    key_header: bytes | None
    integration: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """The parsed document.

    Args:
        stage: the first segment of every path.
        routes: paths with their operations by method in upper case, `ANY` among them.
        error_headers: headers of the gateway's own errors, by response type.
    """

    stage: str
    routes: tuple[Route[Operation], ...]
    error_headers: Mapping[str, tuple[tuple[bytes, bytes], ...]]


def read(path: Path) -> Api:
    """Read a document.

    Raises:
        DocumentError: it is not an OpenAPI document, or has an unsupported part.
    """
    try:
        document = yaml.safe_load(path.read_text())
        version = str(document["openapi"])
        paths = dict(document["paths"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(str(path), f"it cannot be read ({error})") from None
    if not version.startswith("3."):
        raise DocumentError("openapi", f"version {version} is not 3")
    keys = _key_headers(document)
    routes = tuple(Route(Template(template), _operations(template, item, keys)) for template, item in paths.items())
    return Api(_stage(document), routes, _error_headers(document))


def _operations(template: str, item: Mapping[str, Any], keys: Mapping[str, bytes]) -> dict[str, Operation]:
    operations: dict[str, Operation] = {}
    for name, operation in item.items():
        if name == _ANY or name in _METHODS:
            method = "ANY" if name == _ANY else name.upper()
            location = f"{method} {template}"
            if _INTEGRATION not in operation:
                raise DocumentError(location, f"the operation has no {_INTEGRATION}")
            operations[method] = Operation(location, _key_header(location, operation, keys), operation[_INTEGRATION])
    return operations


def _key_header(location: str, operation: Mapping[str, Any], keys: Mapping[str, bytes]) -> bytes | None:
    names = [name for requirement in operation.get("security", ()) for name in requirement]
    for name in names:
        if name not in keys:
            raise DocumentError(location, f"the security scheme {name} is not an API key in a header")
    return keys[names[0]] if names else None


def _key_headers(document: Mapping[str, Any]) -> dict[str, bytes]:
    schemes = document.get("components", {}).get("securitySchemes", {})
    return {
        name: str(scheme["name"]).lower().encode()
        for name, scheme in schemes.items()
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header"
    }


def _stage(document: Mapping[str, Any]) -> str:
    try:
        return str(document["servers"][0]["variables"]["basePath"]["default"]).strip("/")
    except (KeyError, IndexError, TypeError):
        raise DocumentError("servers", "the first server has no variable basePath, which names the stage") from None


def _error_headers(document: Mapping[str, Any]) -> dict[str, tuple[tuple[bytes, bytes], ...]]:
    prefix = "gatewayresponse.header."
    return {
        kind: tuple(
            (name.removeprefix(prefix).lower().encode(), constant(f"{_RESPONSES} {kind}", value).encode())
            for name, value in (response.get("responseParameters") or {}).items()
        )
        for kind, response in document.get(_RESPONSES, {}).items()
    }


def constant(location: str, value: str) -> str:
    """Return the text of a quoted constant, `'…'`, the only supported kind of value.

    Raises:
        DocumentError: the value is not a constant.
    """
    if len(value) < 2 or value[0] != "'" or value[-1] != "'":
        raise DocumentError(location, f"{value} is not a constant in single quotes")
    return value[1:-1]


def response_headers(location: str, response: Mapping[str, Any]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the constant headers that an integration's response sets by `responseParameters`.

    Raises:
        DocumentError: a parameter is not a header, or its value is not a constant.
    """
    prefix = "method.response.header."
    parameters: Mapping[str, str] = response.get("responseParameters") or {}
    for name in parameters:
        if not name.startswith(prefix):
            raise DocumentError(location, f"the response parameter {name} is not a header")
    return tuple(
        (name.removeprefix(prefix).lower().encode(), constant(location, value).encode())
        for name, value in parameters.items()
    )
