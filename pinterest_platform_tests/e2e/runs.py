"""Complete runs and landers in processes that tests can kill, forked from a server with all imports."""

import multiprocessing
import os
import sys
from dataclasses import replace
from multiprocessing.context import ForkServerProcess

from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.failures import TransientFailure
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.state import ResumeState
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.settings import load
from pinterest_platform_tests.e2e.harness import Tenant, failures, is_transient

# The forking server has imported everything and used nothing: threads of Sail and deltalake do not survive a fork.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "pinterest_platform_tests.e2e.harness",
        "pinterest_platform_tests.e2e.warm",
        "pinterest_platform.adapters.kafka",
        "pinterest_platform.adapters.kinesis",
        "pinterest_platform.adapters.s3",
        "pinterest_platform.spark_jobs.clean",
        "pinterest_platform.spark_jobs.reports",
        "pysail.spark",
        "pyspark.sql.connect.session",
    ]
)


TRANSIENT_EXIT = 75
"""Exit code of a run that failed transiently."""


def start_run(user: Tenant, job: str = "batch_pipeline") -> ForkServerProcess:
    """Start a run of a job with the current environment.

    Its exit code is 0 if it succeeds, `TRANSIENT_EXIT` after a transient failure, and else 1.
    """
    process = SERVER.Process(target=_run, args=(user, job, dict(os.environ)))
    process.start()
    return process


def _run(user: Tenant, job: str, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    stderr, quiet = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    result = user.run(job)
    if result.success or is_transient(result):
        sys.exit(0 if result.success else TRANSIENT_EXIT)
    os.write(stderr, failures(result).encode())
    sys.exit(1)


def start_landing(user: Tenant) -> ForkServerProcess:
    """Start landing all streams and topics repeatedly, without cleaning, until the tests end."""
    process = SERVER.Process(target=_land, args=(user, dict(os.environ)))
    process.start()
    return process


def _land(user: Tenant, environment: dict[str, str]) -> None:
    from pinterest_platform.adapters.kafka import KafkaTopicLog
    from pinterest_platform.adapters.kinesis import KinesisShardLog
    from pinterest_platform.adapters.s3 import S3ObjectStore

    os.environ.update(environment)
    settings = load()
    shards, topics, store = KinesisShardLog(settings), KafkaTopicLog(settings), S3ObjectStore(settings)
    stream_defaults = StreamOptions(settings.object_bytes, longest_seconds=0.5)
    resumes: dict[Entity, ResumeState] = {}
    server = os.getppid()
    while os.getppid() == server:
        for entity in ENTITIES:
            try:
                stream = user.names.stream(entity)
                options = replace(stream_defaults, resume=resumes.get(entity))
                resumes[entity] = land_stream(shards, store, stream, options).resume
                land_topic(topics, store, user.names.topic(entity), TopicOptions(settings.object_bytes))
            except TransientFailure:
                resumes.pop(entity, None)
