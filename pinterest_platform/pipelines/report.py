"""Report: compute the reports and check them."""

from collections import Counter
from collections.abc import Sequence

from pinterest_platform.catalog import REPORT_KEYS, REPORTED_ENTITIES, Route
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.pipelines.lakehouse import Lakehouse, table_facts
from pinterest_platform.pipelines.soundness import require_sound
from pinterest_platform.ports import Lake, Progress, TableFacts
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import ReportsParameters, ReportsResult


def reports_plan(settings: Settings, keys: Sequence[str]) -> ReportsParameters:
    """Plan the selected reports, in the order of the catalog."""
    return ReportsParameters(
        cleaned={entity.name: settings.names.cleaned_uri(entity) for entity in REPORTED_ENTITIES},
        reports={key: settings.names.report_uri(key) for key in REPORT_KEYS if key in keys},
        io_timeout_seconds=settings.io_timeout_seconds,
        computed_uri=settings.names.computed_reports_uri,
    )


def report(lakehouse: Lakehouse, keys: Sequence[str], progress: Progress) -> ReportsResult:
    """Compute the selected reports from sound tables, and replace those that differ.

    Raises:
        PermanentFailure: a cleaned table does not exist or fails a blocking check.
        TransientFailure: the engine or the store did not respond.
    """
    require_sound(lakehouse, REPORTED_ENTITIES, Route.KAFKA, progress)
    plan = reports_plan(lakehouse.settings, keys)
    return ReportsResult.from_json(lakehouse.engine.run("reports", plan.to_json(), progress))


def report_problems(lake: Lake, uri: str, columns: Sequence[tuple[str, str]]) -> list[str]:
    """List the problems of a report's table, one line each.

    Args:
        lake: the Delta tables.
        uri: the table's address.
        columns: the (name, type) pairs that it must have; all but the last one are its key.
    """
    if problem := column_problem(table_facts(lake, uri), columns):
        return [problem]
    rows = lake.rows(uri)
    keys = Counter(tuple(row[name] for name, _ in columns[:-1]) for row in rows)
    duplicates = [f"{key} is in {count} rows" for key, count in keys.items() if count > 1]
    return duplicates + [f"a null in {row}" for row in rows if None in row.values()]


def column_problem(facts: TableFacts, columns: Sequence[tuple[str, str]]) -> str | None:
    """Return the difference of a report's table from the (name, type) pairs that it must have; None if it has these."""
    if tuple(facts.columns) == tuple(columns):
        return None
    return f"the columns are {list(facts.columns)} instead of {list(columns)}"


def readable_problems(lake: Lake, uri: str, columns: Sequence[tuple[str, str]]) -> tuple[list[str], TableFacts | None]:
    """Return the problems of a report's table, and its facts; a table that cannot be read is a problem, too.

    Arguments as of `report_problems`.
    """
    try:
        return report_problems(lake, uri, columns), table_facts(lake, uri)
    except PermanentFailure as failure:
        return [str(failure)], None
