"""Forms with files, as `workspace.upload` sends them."""

import re

from emulators.services.databricks.errors import invalid


def fields(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the fields of a multipart/form-data body, by name.

    Raises:
        ApiError: the form is invalid.
    """
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if boundary is None:
        raise invalid("The form has no boundary.")
    delimiter = b"\r\n--" + boundary.group(1).encode()
    first, *parts = (b"\r\n" + body).split(delimiter)
    if first or not parts or not parts.pop().startswith(b"--"):
        raise invalid("The form is truncated.")
    return dict(_field(part) for part in parts)


def _field(part: bytes) -> tuple[str, bytes]:
    head, separator, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    name = re.search(rb'[; ]name="([^"]*)"', head)
    if not separator or name is None:
        raise invalid("A field of the form has no name.")
    return name.group(1).decode(errors="replace"), content
