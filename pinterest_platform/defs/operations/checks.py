"""The checks of the ledger that need the tables, and the audit: landed objects compared with streams and tables."""

from collections.abc import Mapping

import dagster as dg

from pinterest_platform.catalog import ENTITIES, Route
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.audit_schedule import EVERYTHING
from pinterest_platform.landing.kafka.ledger import LandedRange, landed_ranges
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.ledger import (
    AUDIT_CHECK,
    CLEANED_CHECK,
    STREAM_CHECK,
    audit_result,
    cleaning_result,
    stream_ledger_result,
)
from pinterest_platform.pipelines.audit import kafka_ledgers, kinesis_ledgers, verify_all
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog
from pinterest_platform.settings import Settings

LEDGER = dg.AssetKey(["ledger", "conservation"])


@dg.asset_check(
    asset=LEDGER,
    name=CLEANED_CHECK,
    additional_deps=[dg.AssetKey(["cleaned", entity.name]) for entity in ENTITIES],
    description="The tables' positions cover every landed object, and nothing after them.",
)
def everything_landed_is_cleaned(
    settings: dg.ResourceParam[Settings],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> dg.AssetCheckResult:
    """Compare the landed ranges with the positions of the tables; a table that cannot be read hides no other one."""
    with as_dagster_failure("ledger/conservation"):
        tables: dict[str, Mapping[str, int] | str] = {}
        ranges: dict[str, list[LandedRange]] = {}
        for place in (settings.names.places(entity, Route.KAFKA) for entity in ENTITIES):
            # Listed first, so that offsets landed meanwhile are not missing from the table.
            landed = landed_ranges(objects, place.source)
            try:
                positions = lake.positions(place.table_uri) or {}
            except PermanentFailure as failure:
                tables[place.source] = str(failure)
                continue
            if any(positions.get(part.app_id, -1) >= part.next_offset for part in landed):
                # Listed again, so that offsets landed and cleaned meanwhile are not missing from the objects.
                landed = landed_ranges(objects, place.source)
            ranges[place.source], tables[place.source] = landed, positions
        return cleaning_result(LEDGER, ranges, tables)


@dg.asset_check(
    asset=LEDGER,
    name=AUDIT_CHECK,
    blocking=True,
    description="Every cleaned record is in quarantine with a reason, or the row of its key is at least as new.",
)
def every_record_is_in_its_table(
    context: dg.AssetCheckExecutionContext,
    topics: dg.ResourceParam[TopicLog],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.AssetCheckResult:
    """Read every landed object of both routes, and compare its records with the tables."""
    with as_dagster_failure("ledger/conservation"):
        tables = verify_all(lakehouse, context.log.info)
        ledgers = kafka_ledgers(lakehouse.settings, topics, lakehouse.objects, EVERYTHING)
        return audit_result(LEDGER, ledgers, tables)


@dg.asset_check(
    asset=LEDGER,
    name=STREAM_CHECK,
    blocking=True,
    description="Kinesis: each shard's chain is complete, and a second reader counts the records of its manifests.",
)
def every_shard_is_accounted_for(
    settings: dg.ResourceParam[Settings],
    shards: dg.ResourceParam[ShardLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> dg.AssetCheckResult:
    """Read every landed object of the streams, and the streams again."""
    with as_dagster_failure("ledger/conservation"):
        # Positions are read first, so that all objects that they cover are listed below.
        places = [settings.names.places(entity, Route.KINESIS) for entity in ENTITIES]
        positions = {place.source: lake.positions(place.table_uri) or {} for place in places}
        return stream_ledger_result(LEDGER, kinesis_ledgers(settings, shards, objects, EVERYTHING), positions)
