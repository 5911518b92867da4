"""The conservation ledger, which accounts for every offset once (rule L20), and the health report."""

import time
from collections.abc import Iterator
from functools import partial

import dagster as dg

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.orchestration.draining.catching_up import after_drains
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.audit import AUDIT_CHECKS, SINCE_AUDIT
from pinterest_platform.orchestration.results.columns import operations_metadata
from pinterest_platform.orchestration.results.health import (
    HEALTH,
    HEALTH_COLUMNS,
    health_result,
    last_number,
    run_concerns,
)
from pinterest_platform.orchestration.results.last_results import last_results_in_outage, repeat_last_results
from pinterest_platform.orchestration.results.ledger import (
    CLEANED_CHECK,
    GAPS_CHECK,
    HIDDEN_CHECK,
    LANDED_CHECK,
    LEDGER,
    LEDGER_COLUMNS,
    READ_CHECK,
    SHARD_OBJECTS_CHECK,
    ledger_result,
)
from pinterest_platform.pipelines.audit import (
    cleaned_later,
    cleaned_stream,
    cleaned_topic,
    daily_ledgers,
    daily_schedule,
)
from pinterest_platform.pipelines.health import QUARANTINE_NUMBERS, Services, outside_concerns
from pinterest_platform.ports import Lake, ObjectStore, TopicLog
from pinterest_platform.settings import Settings

_CHECKS = {
    LANDED_CHECK: "Landed range = records + quarantined + gaps + accepted gaps, in undamaged objects.",
    CLEANED_CHECK: "Every landed object is in its table, and the table holds nothing that was not landed.",
    SHARD_OBJECTS_CHECK: "The objects landed from Kinesis are complete chains and undamaged.",
    GAPS_CHECK: "A second reading of the topic found no record at the gaps of new objects.",
    HIDDEN_CHECK: "No open transaction hides records from landing.",
    READ_CHECK: "Every object that was due was read in time.",
}


_SOURCES = [dg.AssetKey([service, entity.name]) for service in ("kafka", "kinesis") for entity in ENTITIES]


@dg.asset(
    key=LEDGER,
    # Neither raw nor cleaned assets: a dependency would skip the ledger when one of them fails. The executor runs one
    # step at a time, by priority, so the ledger runs after all other steps that can run.
    deps=_SOURCES,
    op_tags={"dagster/priority": "-1"},
    check_specs=[
        dg.AssetCheckSpec(name, asset=LEDGER, description=description) for name, description in _CHECKS.items()
    ],
    description="Accounts for every offset of every partition: in an object, in quarantine, or a gap.",
    metadata=operations_metadata(LEDGER_COLUMNS),
    kinds={"table"},
)
def conservation(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    topics: dg.ResourceParam[TopicLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> Iterator[dg.MaterializeResult]:
    """Account for the offsets of all topics, and read the objects of both routes that are due."""
    with as_dagster_failure(LEDGER.to_user_string()), last_results_in_outage(context, LEDGER, _CHECKS):
        context.log.info("accounting for the offsets of all topics and streams")
        now_ms = time.time_ns() // 1_000_000
        schedule = daily_schedule(settings, now_ms)
        landed = {entity: cleaned_topic(entity, settings, objects, lake) for entity in ENTITIES}
        topics_cleaned = after_drains(context.instance, landed, partial(cleaned_later, settings=settings, lake=lake))
        streams_cleaned = [cleaned_stream(entity, settings, lake) for entity in ENTITIES]
        partitions, shards = daily_ledgers(settings, topics, objects, schedule)
        result = ledger_result(partitions, shards, [*topics_cleaned, *streams_cleaned], now_ms)
    yield result
    # After the materialization, which they are about from now on.
    repeat_last_results(context, LEDGER, AUDIT_CHECKS, SINCE_AUDIT)


@dg.asset(
    key=HEALTH,
    # As for the ledger, a dependency on it would skip the report if the ledger fails; its priority is lower.
    deps=_SOURCES,
    op_tags={"dagster/priority": "-2"},
    description="One row per concern, with the next step: lag, last good run, ledger, quarantine, retention, tables.",
    metadata=operations_metadata(HEALTH_COLUMNS),
    kinds={"table"},
)
def health(context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]) -> dg.MaterializeResult:
    """Measure every concern."""
    context.log.info("measuring lag, retention, quarantine and tables")
    numbers = {name: last_number(context.instance, HEALTH, name) for name in QUARANTINE_NUMBERS}
    quarantined = {name: number for name, number in numbers.items() if number is not None}
    return health_result([*run_concerns(context.instance), *outside_concerns(services, quarantined)])
