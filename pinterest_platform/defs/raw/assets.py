"""Kafka topics landed in S3, exactly once; the landed objects are the position of record (rule L1)."""

from dataclasses import replace
from functools import partial

import dagster as dg
from pydantic import Field

from pinterest_platform.catalog import ENTITIES, Entity, Route
from pinterest_platform.failures import PlatformFailure, joined
from pinterest_platform.landing.kafka import land_topic, landed_size
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.policy import NAMES
from pinterest_platform.orchestration.results.columns import pii_tags, raw_metadata
from pinterest_platform.orchestration.results.landing import QUARANTINE_CHECK, TIMES_CHECK, landing_result
from pinterest_platform.orchestration.results.last_results import last_results_in_outage
from pinterest_platform.pipelines.options import NEW_EPOCH_HELP, NewEpoch, topic_options
from pinterest_platform.ports import Lake, ObjectStore, TopicLog
from pinterest_platform.settings import Settings


class LandingConfig(dg.Config):
    """The two decisions that landing leaves to the operator."""

    accept_gap: list[str] = Field([], description="Lost ranges to accept: `<topic>/<partition>:<first>-<last>`.")
    new_epoch: NewEpoch = Field("", description=NEW_EPOCH_HELP)


def _raw(entity: Entity) -> dg.AssetsDefinition:
    key = dg.AssetKey(["raw", entity.name])

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["kafka", entity.name])],
        check_specs=[
            dg.AssetCheckSpec(QUARANTINE_CHECK, asset=key, description="Every record was accepted."),
            dg.AssetCheckSpec(TIMES_CHECK, asset=key, description="The broker's time of every record is plausible."),
        ],
        description=(
            f"Topic `{NAMES.topic(entity)}` in S3: each offset is in exactly one object or in quarantine. "
            "The job `kafka_pipeline` writes it, too."
        ),
        metadata=raw_metadata(entity),
        tags=pii_tags(entity),
        kinds={"s3", "json"},
    )
    def raw(
        context: dg.AssetExecutionContext,
        config: LandingConfig,
        settings: dg.ResourceParam[Settings],
        topics: dg.ResourceParam[TopicLog],
        objects: dg.ResourceParam[ObjectStore],
        lake: dg.ResourceParam[Lake],
    ) -> dg.MaterializeResult:
        """Land a topic; six parameters, because Dagster passes each resource as one."""
        last_results = last_results_in_outage(context, key, (QUARANTINE_CHECK, TIMES_CHECK))
        with as_dagster_failure(key.to_user_string()), last_results:
            options = topic_options(entity, settings, config.accept_gap, config.new_epoch)
            places = settings.names.places(entity, Route.KAFKA)
            try:
                options, unreadable = replace(options, cleaned=lake.positions(places.table_uri) or {}), None
            except PlatformFailure as failure:
                context.log.warning(f"{key.to_user_string()} is landed without the positions of its table: {failure}")
                options, unreadable = replace(options, cleaned=None), failure
            try:
                landed = land_topic(topics, objects, places.source, options, context.log.info)
            except PlatformFailure as failure:
                raise joined([failure, unreadable]) if unreadable else failure from None
            return landing_result(landed, settings, partial(landed_size, objects, places.source), unreadable)

    return raw


RAW = [_raw(entity) for entity in ENTITIES]
