"""Facts that the blocking checks judge: keys that stand twice or are null, columns that differ."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StructType

from pinterest_platform.transforms.cleaning import KEY


def key_facts(table: DataFrame) -> DataFrame:
    """One row: `rows`, `null_keys`, and `duplicate_keys`, the rows beyond the first of each key."""
    return table.select(
        F.count(F.lit(1)).alias("rows"),
        F.count_if(F.col(KEY).isNull()).alias("null_keys"),
        (F.count(KEY) - F.count_distinct(KEY)).alias("duplicate_keys"),
    )


def schema_differences(actual: StructType, expected: StructType) -> list[str]:
    """What a table's columns lack, add or type otherwise than expected, one line each; nullability does not count."""
    found = {field.name: field.dataType.simpleString() for field in actual.fields}
    wanted = {field.name: field.dataType.simpleString() for field in expected.fields}
    lines = [f"{name} is missing" for name in wanted if name not in found]
    lines += [f"{name} is not expected" for name in found if name not in wanted]
    lines += [
        f"{name} is {found[name]} instead of {kind}" for name, kind in wanted.items() if found.get(name, kind) != kind
    ]
    if not lines and list(found) != list(wanted):
        lines.append(f"the columns stand as {', '.join(found)} instead of {', '.join(wanted)}")
    return lines
