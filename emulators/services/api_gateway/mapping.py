"""Mapping templates: API Gateway's VTL with `$input`, `$util` and `$stageVariables`."""

import base64
import functools
import json
import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote_plus, unquote, unquote_plus

from airspeed.operators import Template, TemplateError, TemplateExecutionError

from emulators.services.api_gateway.document import DocumentError
from emulators.services.api_gateway.exchange import Call, GatewayError, bad_body, misconfigured
from emulators.services.api_gateway.json_text import JsonText

_REFERENCE = re.compile(r"\$!?\{?([a-zA-Z_]\w*)(?:\.([a-zA-Z_]\w*))?")
_OWN = re.compile(r"#(?:set|foreach)\s*\(\s*\$!?\{?([a-zA-Z_]\w*)")

_logger = logging.getLogger(__name__)


class MappingTemplate:
    """A parsed template.

    Args:
        location: the part of the document, for messages.
        text: the template.
        variables: the stage's variables.

    Raises:
        DocumentError: it cannot be parsed, or has a reference that this gateway does not support.
    """

    def __init__(self, location: str, text: str, variables: Mapping[str, str]) -> None:
        self._where = location
        self._variables = dict(variables)
        self._template = Template(text, location)
        try:
            self._template.ensure_compiled()
        except TemplateError as error:
            raise DocumentError(location, f"the mapping template cannot be parsed ({error})") from None
        _check_references(location, text)

    def render(self, call: Call) -> bytes:
        """Render the template for a call.

        Raises:
            GatewayError: the template reads the body and it is not JSON, or the template fails.
        """
        names = {"input": Input(call), "util": _UTIL, "stageVariables": self._variables}
        try:
            return self._template.merge(names).encode("utf-8", "replace")
        except TemplateExecutionError as error:
            if isinstance(error.__cause__, GatewayError):
                raise error.__cause__ from None
            _logger.error("%s: %s", self._where, error)
            raise misconfigured() from None


class Input:
    """`$input`: the call's body and parameters.

    Args:
        call: the call.
    """

    def __init__(self, call: Call) -> None:
        self._call = call

    @functools.cached_property
    def body(self) -> str:
        """`$input.body`: the unchanged body."""
        try:
            return self._call.body.decode()
        except UnicodeDecodeError:
            raise bad_body("the body is not UTF-8") from None

    def path(self, path: str) -> Any:
        """Return the value at a path; None if there is none."""
        return self._document.find(path)

    def json(self, path: str) -> str:
        """Return the text of the value at a path; the text of an empty string if there is none."""
        text = self._document.cut(path)
        return '""' if text is None else text

    def params(self, name: str) -> str:
        """Return a decoded parameter from the path, the query or the headers; empty if there is none."""
        call = self._call
        if name in call.path_parameters:
            return unquote(call.path_parameters[name])
        query = dict(parse_qsl(call.query, keep_blank_values=True))
        return query[name] if name in query else call.header(name.lower().encode()) or ""

    @functools.cached_property
    def _document(self) -> JsonText:
        try:
            return JsonText(self.body if self.body.strip() else "{}")
        except ValueError as error:
            raise bad_body(str(error)) from None


class Util:
    """`$util`; the method names are Amazon's."""

    def base64Encode(self, text: str) -> str:  # noqa: N802
        """Return the base64 encoding of a text's UTF-8 bytes."""
        return base64.b64encode(str(text).encode("utf-8", "replace")).decode()

    def base64Decode(self, text: str) -> str:  # noqa: N802
        """Decode base64 into a text."""
        return base64.b64decode(text).decode("utf-8", "replace")

    def escapeJavaScript(self, text: str) -> str:  # noqa: N802
        """Escape a text for a JavaScript string; unlike in JSON, single quotes get a backslash, too."""
        return json.dumps(str(text))[1:-1].replace("/", "\\/").replace("'", "\\'")

    def parseJson(self, text: str) -> Any:  # noqa: N802
        """Return the value of a JSON text."""
        return JsonText(text).value

    def urlEncode(self, text: str) -> str:  # noqa: N802
        """Encode a text for a form."""
        return quote_plus(str(text))

    def urlDecode(self, text: str) -> str:  # noqa: N802
        """Decode a text of a form."""
        return unquote_plus(text)


_UTIL = Util()
_KNOWN: dict[str, type | None] = {"input": Input, "util": Util, "stageVariables": None, "foreach": None}


def _check_references(location: str, text: str) -> None:
    """Raise DocumentError for unknown references, which Velocity would silently leave as they are."""
    own = set(_OWN.findall(text))
    for name, member in _REFERENCE.findall(text):
        kind = _KNOWN.get(name)
        if name not in own and name not in _KNOWN:
            raise DocumentError(location, f"the mapping template has the unknown reference ${name}")
        if name not in own and kind is not None and not (member and hasattr(kind, member)):
            raise DocumentError(location, f"the mapping template has the unknown reference ${name}.{member}")
