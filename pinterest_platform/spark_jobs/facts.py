"""Facts of a cleaned table that a report page shows: rows, ranges and headlines."""

from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import EARLIEST_PLAUSIBLE_MS, LATEST_PLAUSIBLE_MS, Entity
from pinterest_platform.catalog.model import Headline
from pinterest_platform.spark_jobs.frames import only_row
from pinterest_platform.spark_jobs.parameters import SourceFacts
from pinterest_platform.transforms.decoding import SOURCE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def source_facts(frame: DataFrame, entity: Entity, version: int) -> SourceFacts:
    """Return rows, ranges and headlines of a cleaned table.

    Times are microseconds, because sessions convert times to their zone.
    """
    arrival = F.col(SOURCE).getField("arrived_at")
    # A table can hold implausible times from before rule L19.
    micros = F.unix_micros(arrival)
    arrival = F.when(micros.between(EARLIEST_PLAUSIBLE_MS * 1000, LATEST_PLAUSIBLE_MS * 1000 + 999), arrival)
    time = F.col(entity.time.column) if entity.time else F.lit(None).cast("timestamp")
    ends = (F.min(arrival), F.max(arrival), F.min(time), F.max(time))
    row = only_row(frame.select(F.count(F.lit(1)), *(F.unix_micros(end) for end in ends)))
    headlines = {headline.label: _headline_number(frame, headline, row[0]) for headline in entity.headlines}
    return SourceFacts(version, row[0], *(_iso(microseconds) for microseconds in row[1:]), headlines=headlines)


def _headline_number(frame: DataFrame, headline: Headline, rows: int) -> int:
    """Count rows, or the distinct values of columns, without those that are all null; null next to others is a value.

    Distinct rows are counted in an eighth of the time that Sail needs for distinct structs or texts made of them.
    """
    if not headline.distinct:
        return rows
    has_value = " OR ".join(f"`{name}` IS NOT NULL" for name in headline.distinct)
    return frame.where(has_value).select(*headline.distinct).distinct().count()


def _iso(microseconds: int | None) -> str | None:
    try:
        return None if microseconds is None else (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        # Only another writer's table can hold a year that Python has no date of.
        return None
