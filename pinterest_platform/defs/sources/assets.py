"""The three Kafka topics and the three Kinesis streams, as external assets."""

import dagster as dg

from pinterest_platform.entities import Entity

TOPICS = [
    dg.AssetSpec(
        key=["kafka", entity.value],
        description=f"Kafka topic `<user id>.{entity.value}`: the {entity.value} records as they are posted.",
        kinds={"kafka"},
    )
    for entity in Entity
]

STREAMS = [
    dg.AssetSpec(
        key=["kinesis", entity.value],
        description=f"Kinesis stream `streaming-<user id>-{entity.value}`: the {entity.value} records as posted.",
        kinds={"kinesis"},
    )
    for entity in Entity
]
