"""Landing a stream whose shards are split and merged, on fakes."""

from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform_tests.landing.kinesis.invariants import expected_shards, filled, landed_shards
from pinterest_platform_tests.landing.kinesis.streams import ONE, STREAM, is_complete, rows


def test_parents_are_landed_to_their_end_before_their_children(log, store):
    log.put(STREAM, 0, *rows(7))
    one, two = log.split(STREAM, 0)
    log.put(STREAM, one, *rows(4))
    log.put(STREAM, two, *rows(4))
    three = log.merge(STREAM, one, two)
    log.put(STREAM, three, *rows(5))
    lines: list[str] = []
    result = land_stream(log, store, STREAM, ONE, lines.append)
    assert [line.split(":")[0][-1] for line in lines] == ["0", "1", "2", "3"]
    assert result.caught_up and [shard.ended for shard in result.shards] == [True, True, True, False]
    assert landed_shards(store, STREAM) == expected_shards(log, STREAM)
    assert is_complete(log, store)


def test_children_wait_while_their_parents_exceed_the_time_limit(log, store):
    log.put(STREAM, 0, *rows(7))
    child, _ = log.split(STREAM, 0)
    log.put(STREAM, child, *rows(4))
    options = StreamOptions(longest_seconds=0)
    first = land_stream(log, store, STREAM, options)
    assert [shard.shard for shard in first.shards] == ["shardId-000000000000"] and not first.caught_up
    while not land_stream(log, store, STREAM, options).idle:
        assert is_complete(log, store)
    assert filled(landed_shards(store, STREAM)) == expected_shards(log, STREAM)


def test_children_of_a_reshard_during_a_call_are_landed_by_the_next_one(log, store):
    log.put(STREAM, 0, *rows(9))
    batches = 0

    def reshard() -> None:
        nonlocal batches
        batches += 1
        if batches == 2:
            log.put(STREAM, 0, *rows(3))
            child, _ = log.split(STREAM, 0)
            log.put(STREAM, child, *rows(2))

    log.on_batch = reshard
    first = land_stream(log, store, STREAM)
    assert not first.caught_up
    second = land_stream(log, store, STREAM, StreamOptions(resume=first.resume))
    assert (first.records + second.records, second.caught_up) == (14, True)
    assert filled(landed_shards(store, STREAM)) == expected_shards(log, STREAM)
    assert is_complete(log, store)


def test_a_landed_closed_shard_is_not_read_again(log, store):
    log.put(STREAM, 0, *rows(3))
    log.split(STREAM, 0)
    first = land_stream(log, store, STREAM)
    log.reads = 0
    land_stream(log, store, STREAM, StreamOptions(resume=first.resume))
    assert log.reads == 2
    land_stream(log, store, STREAM)
    assert log.reads == 4


def test_a_shard_end_equal_to_the_last_record_ends_the_chain(log, store):
    log.put(STREAM, 0, *rows(3))
    land_stream(log, store, STREAM)
    log.split(STREAM, 0)
    log.shard(STREAM, 0).end = log.shard(STREAM, 0).records[-1].position
    result = land_stream(log, store, STREAM)
    assert result.shards[0].ended and result.caught_up
    assert land_stream(log, store, STREAM).idle and is_complete(log, store)


def test_a_closed_shard_is_read_until_the_service_reports_its_end(log, store):
    log.late_end = True
    log.put(STREAM, 0, *rows(3))
    log.split(STREAM, 0)
    result = land_stream(log, store, STREAM)
    assert result.caught_up and result.shards[0].ended
