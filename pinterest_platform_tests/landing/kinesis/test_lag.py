"""The lag of a stream, on fakes."""

from pinterest_platform.landing.kinesis.lag import stream_lag
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform_tests.landing.kinesis.streams import STREAM, rows


def test_the_lag_shows_whether_records_are_pending_and_their_age(log, store):
    assert not stream_lag(log, store, STREAM).pending
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    assert (stream_lag(log, store, STREAM).pending, stream_lag(log, store, STREAM).lag_ms) == (False, 0)
    log.put(STREAM, 0, *rows(1))
    log.advance(1)
    lag = stream_lag(log, store, STREAM)
    assert (lag.pending, lag.lag_ms, lag.watermark_age_ms) == (True, 3_600_000, 3_600_000)
    land_stream(log, store, STREAM)
    assert stream_lag(log, store, STREAM).watermark_age_ms == 0


def test_a_closed_shard_is_pending_until_its_end_is_landed(log, store):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    log.split(STREAM, 0)
    lag = stream_lag(log, store, STREAM)
    assert (lag.pending, [shard.pending for shard in lag.shards]) == (True, [True, False, False])
    land_stream(log, store, STREAM)
    assert [shard.pending for shard in stream_lag(log, store, STREAM).shards] == [False, False]


def test_reading_the_lag_writes_nothing(log, store):
    log.put(STREAM, 0, *rows(3))
    stream_lag(log, store, STREAM)
    assert not store.objects
