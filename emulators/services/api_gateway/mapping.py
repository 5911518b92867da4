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
    """A template, parsed once.

    Args:
        where: the part of the document, for messages.
        text: the template.
        variables: the stage's variables.

    Raises:
        DocumentError: it cannot be parsed, or refers to something that this gateway lacks.
    """

    def __init__(self, where: str, text: str, variables: Mapping[str, str]) -> None:
        self._where = where
        self._variables = dict(variables)
        self._template = Template(text, where)
        try:
            self._template.ensure_compiled()
        except TemplateError as error:
            raise DocumentError(where, f"the mapping template cannot be parsed ({error})") from None
        _check_references(where, text)

    def render(self, call: Call) -> bytes:
        """What the template makes of a call.

        Raises:
            GatewayError: the body is no JSON though the template looks into it, or the template fails.
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
        """`$input.body`: the body as it came."""
        try:
            return self._call.body.decode()
        except UnicodeDecodeError:
            raise bad_body("it is not UTF-8") from None

    def path(self, path: str) -> Any:
        """The value at a path; nothing where there is none."""
        return self._document.find(path)

    def json(self, path: str) -> str:
        """The text of the value at a path; an empty string's text where there is none."""
        found = self._document.cut(path)
        return '""' if found is None else found

    def params(self, name: str) -> str:
        """The parameter of a name, decoded, looked for in the path, the query and the headers; else nothing."""
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
    """`$util`, whose names are Amazon's."""

    def base64Encode(self, text: str) -> str:  # noqa: N802
        """The base64 of a text's UTF-8 bytes."""
        return base64.b64encode(str(text).encode("utf-8", "replace")).decode()

    def base64Decode(self, text: str) -> str:  # noqa: N802
        """The text whose base64 this is."""
        return base64.b64decode(text).decode("utf-8", "replace")

    def escapeJavaScript(self, text: str) -> str:  # noqa: N802
        """A text as it stands in JavaScript's quotes; single quotes too get a backslash, which JSON does not know."""
        return json.dumps(str(text))[1:-1].replace("/", "\\/").replace("'", "\\'")

    def parseJson(self, text: str) -> Any:  # noqa: N802
        """The value of a JSON text."""
        return JsonText(text).value

    def urlEncode(self, text: str) -> str:  # noqa: N802
        """A text as it stands in a form."""
        return quote_plus(str(text))

    def urlDecode(self, text: str) -> str:  # noqa: N802
        """The text that stands in a form like this."""
        return unquote_plus(text)


_UTIL = Util()
_KNOWN: dict[str, type | None] = {"input": Input, "util": Util, "stageVariables": None, "foreach": None}


def _check_references(where: str, text: str) -> None:
    """Velocity leaves out what it does not know; a template that relies on such a thing is refused instead."""
    own = set(_OWN.findall(text))
    for name, member in _REFERENCE.findall(text):
        kind = _KNOWN.get(name)
        if name not in own and name not in _KNOWN:
            raise DocumentError(where, f"the mapping template refers to ${name}, which is unknown")
        if name not in own and kind is not None and not (member and hasattr(kind, member)):
            raise DocumentError(where, f"the mapping template refers to ${name}.{member}, which is unknown")
