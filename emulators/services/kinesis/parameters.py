"""Reading a request's parameters, with the service's own errors for wrong ones."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from emulators.services.kinesis import errors

STREAM_NAME = "[a-zA-Z0-9_.-]+"
_ARN = re.compile(r"arn:aws[^:]*:kinesis:[^:]*:[0-9]{12}:stream/([a-zA-Z0-9_.-]{1,128})")
_FARTHEST_SECONDS = 10**11
_HASH_KEY = "0|([1-9][0-9]{0,38})"


class Parameters:
    """The members of a JSON object; every method raises ServiceError for a wrong one.

    Args:
        body: the object.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def has(self, name: str) -> bool:
        """Return True if a member is present and not null."""
        return self._body.get(name) is not None

    def stream_name(self) -> str:
        """Return the stream that StreamName or StreamARN names."""
        name = self.optional_text("StreamName", STREAM_NAME, 128)
        arn = self.optional_text("StreamARN", None, 2048)
        match = _ARN.fullmatch(arn) if arn is not None else None
        if arn is not None and match is None:
            raise errors.violation("StreamARN", arn, "Member must be the ARN of a stream")
        stream = match.group(1) if match else None
        if name is not None and stream is not None and name != stream:
            raise errors.invalid(f"StreamName {name} and StreamARN {arn} do not name the same stream.")
        if name is None and stream is None:
            raise errors.invalid("Either StreamName or StreamARN must be given.")
        return name or stream or ""

    def optional_text(self, name: str, pattern: str | None = None, longest: int | None = None) -> str | None:
        """Return a text of at least one character, or None if it is absent."""
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise errors.serialization(f"{name} must be a string.")
        if not value:
            raise errors.violation(name, value, "Member must have length greater than or equal to 1")
        if longest is not None and len(value) > longest:
            raise errors.violation(name, value, f"Member must have length less than or equal to {longest}")
        if pattern is not None and not re.fullmatch(pattern, value):
            raise errors.violation(name, value, f"Member must satisfy regular expression pattern: {pattern}")
        return value

    def text(self, name: str, pattern: str | None = None, longest: int | None = None) -> str:
        """Return a required text."""
        value = self.optional_text(name, pattern, longest)
        if value is None:
            raise errors.violation(name, "null", "Member must not be null")
        return value

    def choice(self, name: str, *choices: str) -> str:
        """Return a required text that is one of the choices."""
        value = self.text(name)
        if value not in choices:
            raise errors.violation(name, value, f"Member must satisfy enum value set: [{', '.join(choices)}]")
        return value

    def optional_integer(self, name: str, least: int, most: int | None = None) -> int | None:
        """Return an integer within bounds, or None if it is absent."""
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise errors.serialization(f"{name} must be an integer.")
        if value < least:
            raise errors.violation(name, value, f"Member must have value greater than or equal to {least}")
        if most is not None and value > most:
            raise errors.violation(name, value, f"Member must have value less than or equal to {most}")
        return value

    def integer(self, name: str, least: int) -> int:
        """Return a required integer with a lower bound."""
        value = self.optional_integer(name, least)
        if value is None:
            raise errors.violation(name, "null", "Member must not be null")
        return value

    def optional_time_ms(self, name: str) -> int | None:
        """Return in ms a time that is sent in seconds since the epoch; None if it is absent."""
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise errors.serialization(f"{name} must be a number of seconds since the epoch.")
        if abs(value) > _FARTHEST_SECONDS:
            raise errors.invalid(f"{name} {value} is too far from now.")
        return round(value * 1000)

    def optional_hash_key(self, name: str) -> int | None:
        """Return a hash key, or None if it is absent."""
        value = self.optional_text(name, _HASH_KEY)
        if value is None:
            return None
        if int(value) >= 2**128:
            raise errors.invalid(
                f"Invalid {name}. {name} must be in the range: [0, 2^128-1]. Specified value was {value}"
            )
        return int(value)

    def blob(self, name: str) -> bytes:
        """Return bytes that are sent in base64."""
        value = self._body.get(name)
        if value is None:
            raise errors.violation(name, "null", "Member must not be null")
        if not isinstance(value, str):
            raise errors.serialization(f"{name} must be a string in base64.")
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise errors.serialization(f"{name} is not valid base64.") from None

    def objects(self, name: str, least: int, most: int) -> list["Parameters"]:
        """Return a list of objects."""
        value = self._body.get(name)
        if value is None:
            raise errors.violation(name, "null", "Member must not be null")
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise errors.serialization(f"{name} must be a list of structures.")
        self._check_count(name, len(value), least, most)
        return [Parameters(item) for item in value]

    def optional_object(self, name: str) -> "Parameters | None":
        """Return an object, or None if it is absent."""
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise errors.serialization(f"{name} must be a structure.")
        return Parameters(value)

    def texts(self, name: str, most: int) -> list[str]:
        """Return a list of one or more texts."""
        value = self._body.get(name)
        if value is None:
            raise errors.violation(name, "null", "Member must not be null")
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise errors.serialization(f"{name} must be a list of strings.")
        self._check_count(name, len(value), 1, most)
        return value

    def text_map(self, name: str) -> dict[str, str]:
        """Return a map of texts to texts, empty if it is absent."""
        value = self._body.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise errors.serialization(f"{name} must be a map of strings to strings.")
        return value

    def _check_count(self, name: str, count: int, least: int, most: int) -> None:
        if count < least:
            raise errors.violation(name, f"[{count}]", f"Member must have length greater than or equal to {least}")
        if count > most:
            raise errors.violation(name, f"[{count}]", f"Member must have length less than or equal to {most}")
