"""Parameters of a request: members of a JSON body, or of a query, which contains only text."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from emulators.services.databricks.errors import invalid


class Parameters:
    """Named values; every method raises ApiError if a value is missing or of another type.

    Args:
        values: the values by name.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def raw(self, name: str) -> Any:
        """Return the unchanged value; None if there is none."""
        return self._values.get(name)

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None."""
        value = self.raw(name)
        if value is not None and not isinstance(value, str):
            raise invalid(f"{name} must be a string.")
        return value

    def text(self, name: str) -> str:
        """Return a text of at least one character."""
        value = self.optional_text(name)
        if not value:
            raise invalid(f"Missing required field: {name}")
        return value

    def optional_integer(self, name: str, least: int = 0, most: int = 2**63 - 1) -> int | None:
        """Return an integer within bounds, or None."""
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, str) and len(value) < 20 and value.isascii() and value.isdigit():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise invalid(f"{name} must be an integer from {least} to {most}.")
        return value

    def integer(self, name: str) -> int:
        """Return a required integer."""
        value = self.optional_integer(name)
        if value is None:
            raise invalid(f"Missing required field: {name}")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean; false if it is absent."""
        value = self.raw(name)
        if value in (None, "", "false", False):
            return False
        if value in ("true", True):
            return True
        raise invalid(f"{name} must be true or false.")

    def decoded(self, name: str) -> bytes:
        """Return bytes that are sent as base64; empty if absent."""
        try:
            return base64.b64decode(self.optional_text(name) or "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise invalid(f"{name} is not base64: {error}.") from None

    def objects(self, name: str) -> list["Parameters"]:
        """Return a list of objects; empty if it is absent."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid(f"{name} must be a list of objects.")
        return [Parameters(item) for item in value]

    def optional_object(self, name: str) -> "Parameters | None":
        """Return an object, or None."""
        value = self.raw(name)
        if value is not None and not isinstance(value, dict):
            raise invalid(f"{name} must be an object.")
        return None if value is None else Parameters(value)

    def texts(self, name: str) -> list[str]:
        """Return a list of texts; empty if it is absent."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid(f"{name} must be a list of strings.")
        return value

    def mapping(self, name: str) -> dict[str, str]:
        """Return an object of texts; empty if it is absent."""
        value = self.raw(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise invalid(f"{name} must be an object of strings.")
        return value

    def environment(self, name: str) -> dict[str, str]:
        """Return environment variables; empty if absent."""
        variables = self.mapping(name)
        for variable, value in variables.items():
            if not variable or "=" in variable or "\0" in variable + value:
                raise invalid(f"{name}: {variable!r} is not an environment variable.")
        return variables

    def items(self) -> list[tuple[str, Any]]:
        """Return all names and unchanged values."""
        return list(self._values.items())
