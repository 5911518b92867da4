"""Columns of the catalog as Dagster's UI shows them: description, constraints, tags and lineage."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from pinterest_platform.catalog import Column, Entity, Report, ReportColumn

PII_TAG = {"pii": "true"}
"""The tag of assets and columns with personal data."""

_SOURCE = dg.TableColumn("_source", "struct", "Stream, position and arrival time of the record (rule C19).")


def table_schema(columns: Iterable[Column | ReportColumn], types: Sequence[tuple[str, str]] = ()) -> dg.TableSchema:
    """Return the schema of a table.

    Args:
        columns: the declared columns.
        types: (name, type) of the columns that the table has; by default the declared ones.
    """
    declared = {column.name: _table_column(column) for column in columns}
    declared.setdefault(_SOURCE.name, _SOURCE)
    if not types:
        return dg.TableSchema(columns=list(declared.values()))
    return dg.TableSchema(
        columns=[
            _with_type(declared[name], kind) if name in declared else dg.TableColumn(name, kind) for name, kind in types
        ]
    )


def raw_metadata(entity: Entity) -> dict[str, dg.MetadataValue]:
    """Return the metadata of a raw asset: the known fields of its records."""
    personal = {source for column in entity.columns if column.pii for source in column.sources}
    targets: dict[str, list[str]] = {}
    for column in entity.columns:
        for source in column.sources:
            targets.setdefault(source, []).append(column.name)
    columns = [
        dg.TableColumn(
            name,
            "JSON value",
            f"Cleaned to {', '.join(targets[name])}." if name in targets else "Not in the table.",
            tags=PII_TAG if name in personal else None,
        )
        for name in entity.field_names
    ]
    return {"dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns=columns))}


def cleaned_metadata(entity: Entity, raw_layer: str) -> dict[str, dg.MetadataValue]:
    """Return the metadata of a cleaned asset: its columns, and the raw fields that each is made of."""
    raw = dg.AssetKey([raw_layer, entity.name])
    lineage = {column.name: [dg.TableColumnDep(raw, source) for source in column.sources] for column in entity.columns}
    return _metadata(table_schema(entity.columns), lineage)


def report_metadata(report: Report) -> dict[str, dg.MetadataValue]:
    """Return the metadata of a report asset: its columns, and the cleaned columns that each is made of."""
    lineage = {column.name: [_cleaned_column(source) for source in column.sources] for column in report.columns}
    key = report.columns[:-1]
    columns = [_table_column(column, is_unique=key == (column,)) for column in report.columns]
    return _metadata(dg.TableSchema(columns=columns), {name: deps for name, deps in lineage.items() if deps})


def operations_metadata(columns: Mapping[str, str]) -> dict[str, dg.MetadataValue]:
    """Return the metadata of an asset of operations, given the description of each column of its table."""
    described = [dg.TableColumn(name, "text or number", description) for name, description in columns.items()]
    return {"dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns=described))}


def pii_tags(*held: Entity | Report) -> dict[str, str]:
    """Return the tags of an asset that holds the records of entities, or the rows of reports."""
    return dict(PII_TAG) if any(column.pii for declared in held for column in declared.columns) else {}


def _metadata(
    schema: dg.TableSchema, lineage: Mapping[str, Sequence[dg.TableColumnDep]]
) -> dict[str, dg.MetadataValue]:
    return {
        "dagster/column_schema": dg.MetadataValue.table_schema(schema),
        "dagster/column_lineage": dg.MetadataValue.column_lineage(dg.TableColumnLineage(lineage)),
    }


def _with_type(column: dg.TableColumn, kind: str) -> dg.TableColumn:
    return dg.TableColumn(column.name, kind, column.description, column.constraints, column.tags)


def _cleaned_column(source: str) -> dg.TableColumnDep:
    entity, _, column = source.partition(".")
    return dg.TableColumnDep(dg.AssetKey(["cleaned", entity]), column)


def _table_column(column: Column | ReportColumn, is_unique: bool = False) -> dg.TableColumn:
    if isinstance(column, ReportColumn):
        constraints = dg.TableColumnConstraints(nullable=False, unique=is_unique)
    else:
        constraints = dg.TableColumnConstraints(column.nullable, column.unique, list(column.constraints))
    return dg.TableColumn(
        column.name, column.type, column.description, constraints, tags=PII_TAG if column.pii else None
    )
