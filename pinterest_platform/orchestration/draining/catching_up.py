"""A drain next to the ledger: it lands records that it cleans only seconds later."""

import time
from collections.abc import Callable, Mapping

import dagster as dg

from pinterest_platform.catalog import Entity
from pinterest_platform.orchestration.runs import LIVE
from pinterest_platform.pipelines.audit import CleanedTopic

CLEANING_SECONDS = 300.0
"""Longest wait for a drain to clean what it had landed."""

_PAUSE_SECONDS = 1.0


def after_drains(
    instance: dg.DagsterInstance,
    topics: Mapping[Entity, CleanedTopic],
    again: Callable[[Entity, CleanedTopic], CleanedTopic],
) -> list[CleanedTopic]:
    """Return topics after a drain that is running has cleaned their landed ranges.

    Args:
        instance: knows the drain.
        topics: the topics.
        again: reads the positions of a topic's table again.
    """
    topics, deadline = dict(topics), time.monotonic() + CLEANING_SECONDS
    drain = dg.RunsFilter(job_name="kafka_pipeline", statuses=list(LIVE))
    is_draining = True
    while is_draining and any(topic.is_behind for topic in topics.values()) and time.monotonic() < deadline:
        # A drain that ended meanwhile has cleaned: the positions are read once more after it.
        if is_draining := bool(instance.get_runs(drain, limit=1)):
            time.sleep(_PAUSE_SECONDS)
        topics = {entity: again(entity, topic) if topic.is_behind else topic for entity, topic in topics.items()}
    return list(topics.values())
