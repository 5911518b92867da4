"""The contract of Provisioner, on the fake and on a Kafka broker, an S3 server and a Kinesis server."""

from typing import Any, NamedTuple

import pytest

from pinterest_platform.catalog import ENTITIES, Names
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Provisioner, ShardLog, TopicLog
from pinterest_platform.testing import FakeProvisioner, FakeShardLog, FakeTopicLog


class Provided(NamedTuple):
    """A provisioner, and readers of what it creates."""

    provisioner: Provisioner
    topics: TopicLog
    shards: ShardLog
    names: Names


@pytest.fixture(params=["fake", "aws"])
def provided(request: pytest.FixtureRequest) -> Provided:
    if request.param == "fake":
        names, topics, shards = Names("u", "bucket"), FakeTopicLog(), FakeShardLog()
        return Provided(FakeProvisioner(names, topics, shards), topics, shards, names)
    from pinterest_platform.adapters.kafka import KafkaTopicLog
    from pinterest_platform.adapters.kinesis import KinesisShardLog
    from pinterest_platform.provisioning import AwsProvisioner

    settings: Any = request.getfixturevalue("tenant")
    return Provided(AwsProvisioner(settings), KafkaTopicLog(settings), KinesisShardLog(settings), settings.names)


def test_it_creates_what_is_missing_once_and_deletes_the_named_streams(provided: Provided) -> None:
    provisioner, topics, shards, names = provided
    streams = [names.stream(entity) for entity in ENTITIES]
    created = provisioner.apply()
    assert [stream for stream in streams if not any(stream in line for line in created)] == []
    assert provisioner.apply() == []
    assert all(topics.describe(names.topic(entity)).partitions for entity in ENTITIES)
    assert all(shards.describe(stream).shards for stream in streams)

    def refuse(stream: str) -> None:
        raise PermanentFailure(f"{stream} is needed.", "Keep it.")

    with pytest.raises(PermanentFailure, match="is needed"):
        provisioner.delete_streams(streams[:2], refuse)
    assert all(shards.describe(stream).shards for stream in streams)

    checked: list[str] = []
    deleted = provisioner.delete_streams([*streams[:2], f"{streams[0]}-none"], checked.append)
    assert checked == streams[:2]
    assert len(deleted) == 2 and all(stream in line for stream, line in zip(streams, deleted, strict=False))
    assert shards.describe(streams[2]).shards
    with pytest.raises(PermanentFailure, match=streams[0]):
        shards.describe(streams[0])
    assert provisioner.delete_streams(streams[:2], checked.append) == []
