"""The Kafka topic and the Kinesis stream of each entity, as external assets."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES

TOPICS = [
    dg.AssetSpec(
        key=["kafka", entity.name],
        description=f"Kafka topic `<user id>.{entity.name}`: the {entity.name} records as posted.",
        kinds={"kafka"},
    )
    for entity in ENTITIES
]

STREAMS = [
    dg.AssetSpec(
        key=["kinesis", entity.name],
        description=f"Kinesis stream `streaming-<user id>-{entity.name}`: the {entity.name} records as posted.",
        kinds={"kinesis"},
    )
    for entity in ENTITIES
]
