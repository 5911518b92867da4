"""Facts on which blocking checks decide: keys that are null or occur twice, columns that differ (rule D9)."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StructType

from pinterest_platform.catalog import KEY


def key_facts(table: DataFrame) -> DataFrame:
    """Return one row: `rows`, `null_keys`, and `duplicate_keys`, the rows beyond the first of each key."""
    return table.select(
        F.count(F.lit(1)).alias("rows"),
        F.count_if(F.col(KEY).isNull()).alias("null_keys"),
        (F.count(KEY) - F.count_distinct(KEY)).alias("duplicate_keys"),
    )


def schema_differences(actual: StructType, expected: StructType) -> list[str]:
    """Return a line for each column that is missing, not expected or of another type. Nullability does not count."""
    types = {field.name: field.dataType.simpleString() for field in actual.fields}
    expected_types = {field.name: field.dataType.simpleString() for field in expected.fields}
    lines = [f"{name} is missing" for name in expected_types if name not in types]
    lines += [f"{name} is not expected" for name in types if name not in expected_types]
    lines += [
        f"{name} is {types[name]} instead of {kind}"
        for name, kind in expected_types.items()
        if types.get(name, kind) != kind
    ]
    if not lines and list(types) != list(expected_types):
        lines.append(f"the order of the columns is {', '.join(types)} instead of {', '.join(expected_types)}")
    return lines
