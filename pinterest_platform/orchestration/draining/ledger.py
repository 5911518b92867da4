"""The ledger's table, refreshed at the end of a drain of Kafka by manifests alone."""

import math
import time
from dataclasses import replace

import dagster as dg

from pinterest_platform.catalog import ENTITIES, Route
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.landing.audit_schedule import AuditSchedule
from pinterest_platform.landing.size import LandedSize
from pinterest_platform.orchestration.results.audit import AUDIT_CHECKS, SINCE_AUDIT
from pinterest_platform.orchestration.results.health import ledger_concern
from pinterest_platform.orchestration.results.last_results import (
    evaluation_of,
    is_awaited,
    last_evaluated,
    log_evaluation,
    repeat_last_results,
)
from pinterest_platform.orchestration.results.ledger import (
    BALANCE_CHECKS,
    CLEANED_CHECK,
    GAPS_CHECK,
    HIDDEN_CHECK,
    LANDED_CHECK,
    LAST_FULL_RUN,
    LEDGER,
    READ_CHECK,
    SHARD_OBJECTS_CHECK,
    last_full_run,
    ledger_result,
)
from pinterest_platform.pipelines.audit import kafka_ledgers
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.ports import TopicLog

REFRESH_SECONDS = 900.0
"""Time after which a drain refreshes the table again."""

MOST_OBJECTS = 20_000
"""Most objects without a checkpoint: each costs a request, and a drain that ends must not delay the next one."""

_READ_AGAIN = (CLEANED_CHECK, SHARD_OBJECTS_CHECK, GAPS_CHECK, READ_CHECK)
_NOTE = "a drain refreshed the table by the manifests alone"


def refresh_ledger(context: dg.OpExecutionContext, lakehouse: Lakehouse, topics: TopicLog) -> None:
    """Report the ledger of Kafka by the manifests of its objects, unless it is recent or costs too many requests.

    A ledger that does not balance stays as it is: only a run that reads the objects can find that it does again. One
    that an outage ended before its checks is refreshed if the last one balanced. One that a run computes now is left to
    that run, whose results would be hidden by later records.
    """
    try:
        last = context.instance.get_latest_materialization_event(LEDGER)
        if last is None or not _balanced(context.instance):
            return
        is_unknown = ledger_concern(context.instance).state == "unknown"
        if (not is_unknown and time.time() - last.timestamp < REFRESH_SECONDS) or _is_large(lakehouse):
            return
        now_ms = time.time_ns() // 1_000_000
        # No object is read, because the time for it is over.
        schedule = AuditSchedule(lakehouse.settings.audit_days, now_ms, -math.inf)
        ledgers = kafka_ledgers(lakehouse.settings, topics, lakehouse.objects, schedule)
        # Objects that this run was not to read are not late.
        parts_by_topic = {topic: [replace(part, unread=0) for part in parts] for topic, parts in ledgers.items()}
        result = ledger_result(parts_by_topic, {}, [], now_ms)
        if any(is_awaited(context.instance, dg.AssetCheckKey(LEDGER, name)) for name in BALANCE_CHECKS):
            return
    except PlatformFailure as failure:
        context.log.warning(f"{LEDGER.to_user_string()} is not refreshed: {failure}")
        return
    of_reading = {"gaps_confirmed", "objects_read", "objects_not_read_in_time"}
    metadata = {name: value for name, value in (result.metadata or {}).items() if name not in of_reading}
    metadata[LAST_FULL_RUN] = dg.MetadataValue.timestamp(last_full_run(last))
    context.log_event(dg.AssetMaterialization(LEDGER, metadata=metadata))
    for check in result.check_results or []:
        if check.check_name in (LANDED_CHECK, HIDDEN_CHECK):
            log_evaluation(context, evaluation_of(LEDGER, check, note=dg.MetadataValue.text(_NOTE)))
    repeat_last_results(context, LEDGER, _READ_AGAIN, _NOTE)
    repeat_last_results(context, LEDGER, AUDIT_CHECKS, SINCE_AUDIT)


def _balanced(instance: dg.DagsterInstance) -> bool:
    results = [last_evaluated(instance, dg.AssetCheckKey(LEDGER, name)) for name in BALANCE_CHECKS]
    return all(last is not None and last[0].passed for last in results)


def _is_large(lakehouse: Lakehouse) -> bool:
    sizes = [lakehouse.landed_size(entity, Route.KAFKA) for entity in ENTITIES]
    return sum(sizes, LandedSize()).uncovered > MOST_OBJECTS
