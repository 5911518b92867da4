"""Landing of streams in separate processes, forked from a server with loaded modules, so that killing them is cheap."""

import multiprocessing
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pinterest_platform.failures import TransientFailure
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["pinterest_platform_tests.landing.kinesis.processes", "boto3", "botocore.config", "orjson"]
)


def drain(environment: Mapping[str, str], stream: str, object_bytes: int, ready: Any = None) -> None:
    """Land a stream repeatedly until it is idle, as a drain does, after waiting at the barrier `ready`."""
    from pinterest_platform.adapters.kinesis import KinesisShardLog
    from pinterest_platform.adapters.s3 import S3ObjectStore
    from pinterest_platform.settings import load

    os.environ.update(environment)
    settings = load()
    log, store = KinesisShardLog(settings), S3ObjectStore(settings)
    options = StreamOptions(object_bytes=object_bytes, longest_seconds=0.2)
    if ready is not None:
        ready.wait(60)
    resume = None
    while True:
        try:
            landed = land_stream(log, store, stream, replace(options, resume=resume))
        except TransientFailure:
            resume = None
            continue
        if landed.idle:
            return
        resume = landed.resume
