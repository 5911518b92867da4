"""The lines of objects that a Kafka Connect S3 sink wrote (rule L15)."""

import gzip
import zlib

from pinterest_platform.catalog import OFFSET_FIELD, RESERVED_FIELDS
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.json_values import parse_value
from pinterest_platform.landing.kafka.sources import ConnectObject
from pinterest_platform.landing.scanner import read_members
from pinterest_platform.ports import ObjectStore, Record


def read_lines(store: ObjectStore, connect_object: ConnectObject) -> list[bytes]:
    """Return the lines of a sink's object; raise PermanentFailure if it is empty or damaged."""
    body = store.read(connect_object.key)
    if connect_object.key.endswith(".gz"):
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            raise PermanentFailure(
                f"{connect_object.key} is not complete gzip: {error}.",
                "Restore the object as the Connect sink wrote it.",
            ) from None
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise PermanentFailure(
            f"{connect_object.key} is empty; a Connect sink writes no empty objects.",
            "Restore it, with its metadata if the platform landed it, or delete it.",
        )
    return lines


def is_json(value: bytes | None) -> bool:
    """Return whether a value is JSON."""
    try:
        (value or b"").decode()
        read_members(value or b"")
    except ValueError:
        return False
    return True


def is_last_record(body: bytes, record: Record) -> bool:
    """Return whether a record is the last one of an adopted object; True if that object has none at its offset."""
    line = body[body.rfind(b"\n", 0, -1) + 1 :]
    try:
        fields = parse_value(line or b"{}")
        if fields.get(OFFSET_FIELD) != parse_value(b"%d" % record.position):
            return True
        value = parse_value(record.value or b"null")
    except (ValueError, RecursionError):
        # Python does not read 1,000 levels; a sink copies the bytes of such a value.
        return bool(record.value) and line.strip().endswith(b"," + record.value.strip()[1:])
    return value == {name: field for name, field in fields.items() if name not in RESERVED_FIELDS}
