"""Landing in separate processes, forked from a server with loaded modules, so that killing them is cheap."""

import multiprocessing
import os
import resource
import sys
from collections.abc import Mapping
from typing import Any

from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["pinterest_platform_tests.landing.kafka.processes", "boto3", "botocore.config", "confluent_kafka.admin", "orjson"]
)


def land(environment: Mapping[str, str], topic: str, object_bytes: int, ready: Any = None) -> None:
    """Land a topic with the settings of an environment, after waiting at the barrier `ready`."""
    from pinterest_platform.adapters.kafka import KafkaTopicLog
    from pinterest_platform.adapters.s3 import S3ObjectStore
    from pinterest_platform.settings import load

    os.environ.update(environment)
    settings = load()
    log, store = KafkaTopicLog(settings), S3ObjectStore(settings)
    if ready is not None:
        ready.wait(60)
    land_topic(log, store, topic, TopicOptions(object_bytes=object_bytes))


def land_and_measure(environment: Mapping[str, str], topic: str, object_bytes: int, measured: Any) -> None:
    """Land, and send the peak of resident memory before and after, in bytes."""
    before = _peak_bytes()
    land(environment, topic, object_bytes)
    measured.send((before, _peak_bytes()))


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
