"""The Kafka topic and the Kinesis stream of each entity, as external assets."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.orchestration.policy import NAMES
from pinterest_platform.orchestration.results.columns import pii_tags

TOPICS = [
    dg.AssetSpec(
        key=["kafka", entity.name],
        description=f"Kafka topic `{NAMES.topic(entity)}`: the {entity.name} records as posted.",
        tags=pii_tags(entity),
        kinds={"kafka"},
    )
    for entity in ENTITIES
]

STREAMS = [
    dg.AssetSpec(
        key=["kinesis", entity.name],
        description=f"Kinesis stream `{NAMES.stream(entity)}`: the {entity.name} records as posted.",
        tags=pii_tags(entity),
        kinds={"aws", "kinesis"},
    )
    for entity in ENTITIES
]
