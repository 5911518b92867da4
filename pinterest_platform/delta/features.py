"""Properties and protocol features of a table that the platform's writers or readers do not support.

Others can switch them on. Without this check, an engine fails in words that name neither the table nor a next step, or
counts rows that are deleted.
"""

from collections.abc import Iterable

from deltalake import DeltaTable

from pinterest_platform.delta.errors import rebuild_step
from pinterest_platform.failures import PermanentFailure

_READABLE = frozenset({"timestampNtz"})
"""Reader features that deltalake reads."""
_WRITABLE = frozenset({"appendOnly", "invariants", "checkConstraints", "changeDataFeed", *_READABLE})
"""Writer features that deltalake and Sail write, unless a property uses them."""
_CONSTRAINT = "delta.constraints."
"""The prefix of the properties that hold CHECK constraints."""
_LEGACY_COLUMN_MAPPING = 2
"""The reader version that can only mean column mapping."""
_FEATURES = 3, 7
"""The reader and the writer version from which features are listed by name."""


def require_readable(table: DeltaTable) -> None:
    """Raise PermanentFailure if a table needs a reader feature that deltalake does not have."""
    protocol, configuration = table.protocol(), table.metadata().configuration
    unsupported = set(protocol.reader_features or ()) - _READABLE
    mode = configuration.get("delta.columnMapping.mode", "none")
    if protocol.min_reader_version == _LEGACY_COLUMN_MAPPING and mode != "none":
        unsupported.add("columnMapping")
    if protocol.min_reader_version > _FEATURES[0] or protocol.min_writer_version > _FEATURES[1]:
        raise PermanentFailure(
            f"The Delta table {_address(table)} cannot be used: its protocol is reader {protocol.min_reader_version}, "
            f"writer {protocol.min_writer_version}; the newest supported one is {_FEATURES[0]}, {_FEATURES[1]}.",
            rebuild_step(_address(table)).capitalize(),
        )
    _refuse(table, unsupported, "read")


def require_writable(table: DeltaTable) -> None:
    """Raise PermanentFailure if a table has a property or a writer feature with which it cannot be changed."""
    protocol, configuration = table.protocol(), table.metadata().configuration
    uri = _address(table)
    for name, effect in (
        ("delta.appendOnly", "permits no change of rows"),
        ("delta.enableChangeDataFeed", "requires change files, which Sail does not write"),
    ):
        if configuration.get(name, "false").lower() == "true":
            raise PermanentFailure(
                f"The Delta table {uri} cannot be written: its property {name} {effect}.",
                f"Switch it off, in Spark: ALTER TABLE delta.`{uri}` SET TBLPROPERTIES ('{name}' = 'false').",
            )
    for name, condition in configuration.items():
        if not name.startswith(_CONSTRAINT):
            continue
        constraint = name.removeprefix(_CONSTRAINT)
        raise PermanentFailure(
            f"The Delta table {uri} cannot be written: it has the CHECK constraint {constraint} ({condition}), "
            "which the platform's commits do not check.",
            f"Remove it, in Spark: ALTER TABLE delta.`{uri}` DROP CONSTRAINT {constraint}.",
        )
    unsupported = set(protocol.writer_features or ()) - _WRITABLE
    if "changeDataFeed" in (protocol.writer_features or ()):
        unsupported.add("changeDataFeed")  # as a feature, Sail refuses it even if the property is off
    _refuse(table, unsupported, "written")


def _refuse(table: DeltaTable, features: Iterable[str], verb: str) -> None:
    if names := sorted(features):
        drops = "; ".join(f"ALTER TABLE delta.`{_address(table)}` DROP FEATURE {name}" for name in names)
        raise PermanentFailure(
            f"The Delta table {_address(table)} cannot be {verb}: it uses {', '.join(names)}, "
            "which the platform does not support.",
            f"Remove that, in Spark: {drops}. Or {rebuild_step(_address(table))}",
        )


def _address(table: DeltaTable) -> str:
    """Return the address of a table as the platform writes it."""
    return table.table_uri.removeprefix("file://").rstrip("/")
