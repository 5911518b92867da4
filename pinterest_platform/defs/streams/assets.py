"""The three Kafka topics, as external assets."""

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
