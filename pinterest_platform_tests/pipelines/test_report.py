"""Problems of a report's table, on fakes."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.pipelines.report import report_problems
from pinterest_platform.ports import TableFacts
from pinterest_platform.testing import FakeLake

URI = "s3://bucket/delta/reports/some"
COLUMNS = (("country", "string"), ("posts", "bigint"))


def lake_with(*rows: tuple[str | None, int | None], columns: tuple[tuple[str, str], ...] = COLUMNS) -> FakeLake:
    lake = FakeLake()
    lake.tables[URI] = TableFacts(URI, 3, len(rows), columns)
    lake.content[URI] = [{"country": country, "posts": posts} for country, posts in rows]
    return lake


def test_a_report_with_one_row_per_group_and_no_nulls_has_no_problems() -> None:
    assert report_problems(lake_with(("Chad", 2), ("Peru", 2)), URI, COLUMNS) == []


def test_duplicate_groups_and_nulls_are_reported() -> None:
    assert report_problems(lake_with(("Chad", 2), ("Chad", 3), ("Peru", None)), URI, COLUMNS) == [
        "('Chad',) is in 2 rows",
        "a null in {'country': 'Peru', 'posts': None}",
    ]


def test_other_columns_are_reported_before_any_row_is_read() -> None:
    lake = lake_with(("Chad", 2), columns=COLUMNS[:1])
    lake.content.clear()
    assert report_problems(lake, URI, COLUMNS) == [
        f"the columns are {list(COLUMNS[:1])} instead of {list(COLUMNS)}",
    ]


def test_a_report_without_a_table_is_a_permanent_failure() -> None:
    with pytest.raises(PermanentFailure, match="There is no Delta table at") as failure:
        report_problems(FakeLake(), URI, COLUMNS)
    assert "batch_pipeline" in failure.value.action
