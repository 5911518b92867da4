"""The reports: each module of this folder declares one, as `REPORT`."""

from pinterest_platform.catalog.charts import CustomChart
from pinterest_platform.catalog.discovery import declarations
from pinterest_platform.catalog.entities import ENTITIES
from pinterest_platform.catalog.model import Entity, Report
from pinterest_platform.failures import PermanentFailure

REPORTS: tuple[Report, ...] = declarations(__name__, __path__, "REPORT", Report, "key")
"""Every report, in order."""

REPORT_KEYS: tuple[str, ...] = tuple(report.key for report in REPORTS)


def _check(report: Report) -> None:
    columns = {entity.name: {column.name for column in entity.columns} for entity in ENTITIES}
    for name in report.reads:
        if name not in columns:
            raise PermanentFailure(
                f"The report {report.key!r} reads {name!r}, which is not an entity.",
                f"Name some of {', '.join(columns)}.",
            )
    for source in (source for column in report.columns for source in column.sources):
        entity, _, name = source.partition(".")
        if entity not in report.reads or name not in columns[entity]:
            raise PermanentFailure(
                f"The report {report.key!r} has the source {source!r}, which is not a column of a table that it reads.",
                "Write it as entity.column, and list the entity in reads.",
            )
    other_reports = report.chart.other_reports if isinstance(report.chart, CustomChart) else ()
    if missing := [key for key in other_reports if key not in REPORT_KEYS]:
        raise PermanentFailure(
            f"The chart of the report {report.key!r} draws {missing[0]!r}, which is not a report.",
            f"Name some of {', '.join(REPORT_KEYS)}.",
        )


for _report in REPORTS:
    _check(_report)

REPORTED_ENTITIES: tuple[Entity, ...] = tuple(
    entity for entity in ENTITIES if any(entity.name in report.reads for report in REPORTS)
)
"""The entities whose cleaned tables reports read, in order."""
