"""Lanes on fakes: what a drain reads, what it tells cleaning to go on from, and when it puts files together."""

from collections.abc import Callable

import pytest

from pinterest_platform.catalog import USER
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kafka.options import LandingOptions
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_segments
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.landing.kinesis.watermarks import watermarks_key
from pinterest_platform.pipelines.micro_batches import (
    COMPACT_AT,
    KafkaOutside,
    KafkaPipeline,
    KinesisOutside,
    KinesisPipeline,
    Pipeline,
)
from pinterest_platform.ports import Json, TableFacts
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

Post = Callable[..., None]


@pytest.fixture
def around() -> Surroundings:
    made = Surroundings()
    if STREAM not in made.shards.streams:
        made.shards.create(STREAM)
    return made


@pytest.fixture(params=["kafka", "kinesis"])
def route(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def lane(around: Surroundings, route: str, said: list[str]) -> Pipeline:
    return a_lane(around, route, said)


def a_lane(around: Surroundings, route: str, said: list[str]) -> Pipeline:
    objects, lake, engine = around.objects, around.lake, around.engine
    if route == "kafka":
        outside = KafkaOutside(around.topics, objects, lake, engine)
        return KafkaPipeline(USER, around.settings, LandingOptions(), outside, "run", said.append)
    return KinesisPipeline(
        USER, around.settings, StreamOptions(), KinesisOutside(around.shards, objects, lake, engine), "run",
        said.append,
    )  # fmt: skip


@pytest.fixture
def post(around: Surroundings, route: str) -> Post:
    def put(*values: bytes) -> None:
        if route == "kafka":
            around.topics.append(TOPIC, 0, *values)
        else:
            around.shards.put(STREAM, 0, *values)

    return put


def cleans(around: Surroundings, small_files: Callable[[], int] = lambda: 1) -> list[CleanParameters]:
    """Let the engine clean; returns what it is asked, as it is asked."""
    asked: list[CleanParameters] = []

    def answer(parameters: Json) -> Json:
        plan = CleanParameters.from_json(parameters)
        asked.append(plan)
        positions = dict(around.lake.taken.get(plan.table_uri, {}))
        for batch in plan.batches:
            positions |= batch.positions
        around.lake.taken[plan.table_uri] = positions
        around.lake.tables[plan.table_uri] = TableFacts(plan.table_uri, 1, 1, ())
        records = sum(batch.records or 0 for batch in plan.batches)
        return CleanResult(
            records, 0, {"bad": 1}, records, records, 0, 0, {"age": 2}, 1, records, positions, small_files()
        ).to_json()

    around.engine.answers["clean"] = answer
    return asked


def test_a_lane_reads_positions_once_and_knows_them_from_each_cleaning_thereafter(
    around: Surroundings, lane: Pipeline, post: Post
) -> None:
    asked = cleans(around)
    for number in range(4):
        post(b'{"ind":%d}' % number)
        assert lane.move() == 1
    assert lane.move() == 0
    assert around.lake.asked_for_positions == 1
    assert [len(plan.batches) for plan in asked] == [1] * 4
    assert lane.tally.cleaned is not None
    assert (lane.tally.cleaned.new, lane.tally.cleaned.reasons, lane.tally.cleaned.unreadable) == (
        4, {"bad": 4}, {"age": 8},
    )  # fmt: skip
    assert lane.tally.positions == around.lake.taken[asked[0].table_uri]


def test_each_micro_batch_says_from_where_the_table_must_go_on(
    around: Surroundings, lane: Pipeline, post: Post
) -> None:
    asked = cleans(around)
    for number in range(3):
        post(b'{"ind":%d}' % number)
        lane.move()
    batches: list[Batch] = [batch for plan in asked for batch in plan.batches]
    assert [batch.after for batch in batches] == [{}, batches[0].positions, batches[1].positions]


def test_what_another_drain_took_is_where_the_next_one_goes_on(
    around: Surroundings, route: str, lane: Pipeline, post: Post, said: list[str]
) -> None:
    asked = cleans(around)
    post(b'{"ind":1}')
    lane.move()
    post(b'{"ind":2}')
    other = a_lane(around, route, said)
    assert other.move() == 1
    assert asked[1].batches[0].after == asked[0].batches[0].positions
    post(b'{"ind":3}')
    assert lane.move() >= 1
    assert [batch.after for batch in asked[2].batches][:1] == [asked[0].batches[0].positions]
    assert lane.tally.positions == around.lake.taken[asked[0].table_uri]


def test_a_first_drain_makes_the_table_even_of_nothing_and_a_later_one_leaves_it_alone(
    around: Surroundings, route: str, lane: Pipeline, said: list[str]
) -> None:
    asked = cleans(around)
    assert lane.facts() is None
    assert [lane.move(), lane.move(), a_lane(around, route, said).move()] == [0, 0, 0]
    assert [list(plan.batches) for plan in asked] == [[]]
    assert lane.facts() is not None


def test_what_was_landed_and_not_cleaned_is_cleaned_first(
    around: Surroundings, route: str, lane: Pipeline, post: Post, said: list[str]
) -> None:
    asked = cleans(around)
    lane.move()
    post(b'{"ind":1}')
    del around.engine.answers["clean"]
    with pytest.raises(Exception, match="has no answer"):
        lane.move()
    asked = cleans(around)
    assert a_lane(around, route, said).move() == 1
    assert [batch.records for plan in asked for batch in plan.batches] == [1]


def rounds(lane: Pipeline, post: Post, count: int) -> None:
    for number in range(count):
        post(b'{"ind":%d}' % number)
        lane.move()


def test_small_files_are_put_together_when_there_are_enough_of_them(
    around: Surroundings, lane: Pipeline, post: Post, said: list[str]
) -> None:
    counts = iter([1, COMPACT_AT - 1, COMPACT_AT, 1])
    around.lake.small_files = COMPACT_AT
    asked = cleans(around, lambda: next(counts))
    rounds(lane, post, 2)
    assert around.lake.compacted == []
    rounds(lane, post, 2)
    assert around.lake.compacted == [asked[0].table_uri]
    assert f"{COMPACT_AT} small files put together" in said[-1] + said[-2]


@pytest.mark.parametrize("outcome", [None, 0])
def test_what_cannot_be_put_together_is_tried_again_when_as_many_more_have_come(
    around: Surroundings, lane: Pipeline, post: Post, outcome: int | None
) -> None:
    around.lake.small_files = outcome
    files = iter(range(1, 10_000))
    cleans(around, lambda: next(files))
    rounds(lane, post, 3 * COMPACT_AT)
    assert len(around.lake.compacted) == 3


def test_what_landed_of_healthy_shards_is_cleaned_although_another_one_has_a_question(
    around: Surroundings, said: list[str]
) -> None:
    asked = cleans(around)
    around.shards.delete(STREAM)
    around.shards.create(STREAM, 2)
    a_lane(around, "kinesis", said).move()
    around.shards.put(STREAM, 0, b'{"ind":1}')
    around.shards.put(STREAM, 1, b'{"ind":2}')
    a_lane(around, "kinesis", said).move()
    # Shard 0 is not looked at until its silence may be a loss; shard 1 is.
    around.shards.advance(20)
    around.shards.put(STREAM, 1, b'{"ind":3}')
    land_stream(around.shards, around.objects, STREAM)
    around.shards.advance(10)
    epoch = around.shards.describe(STREAM).epoch
    around.objects.delete([watermarks_key(STREAM, epoch)])
    around.shards.put(STREAM, 0, b'{"ind":4}')
    around.shards.put(STREAM, 1, b'{"ind":5}')
    lane = a_lane(around, "kinesis", said)
    asked.clear()
    with pytest.raises(PermanentFailure, match="possibly lost"):
        lane.move()
    assert sum(batch.records or 0 for plan in asked for batch in plan.batches) == 2
    assert lane.tally.cleaned is not None
    positions = around.lake.taken[asked[0].table_uri]
    assert pending_segments(around.objects, STREAM, positions) == []


def test_what_landed_of_healthy_partitions_is_cleaned_although_another_one_has_a_question(
    around: Surroundings, said: list[str]
) -> None:
    asked = cleans(around)
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    a_lane(around, "kafka", said).move()
    around.topics.append(TOPIC, 0, b'{"ind":2}', b'{"ind":3}')
    around.topics.trim(TOPIC, 0, 2)
    around.topics.append(TOPIC, 1, b'{"ind":4}')
    with pytest.raises(PermanentFailure, match="accept_gap"):
        a_lane(around, "kafka", said).move()
    assert [batch.positions for plan in asked[1:] for batch in plan.batches] == [{f"{TOPIC}/1": 0}]


def test_a_landing_that_fails_makes_no_table_and_what_cleaning_says_of_it_is_said_too(
    around: Surroundings, route: str, said: list[str], post: Post
) -> None:
    asked = cleans(around)
    post(b'{"ind":1}')
    outside = around.topics if route == "kafka" else around.shards
    outside.down = True
    with pytest.raises(TransientFailure, match="is down"):
        a_lane(around, route, said).move()
    assert asked == []
    outside.down = False
    del around.engine.answers["clean"]
    with pytest.raises(PermanentFailure, match="no answer"):
        a_lane(around, route, said).move()
    outside.down = True
    with pytest.raises(TransientFailure, match=r"is down.*has no answer"):
        a_lane(around, route, said).move()


def test_a_lane_that_failed_can_be_moved_again_and_takes_what_it_left(
    around: Surroundings, lane: Pipeline, post: Post
) -> None:
    asked = cleans(around)
    lane.move()
    answer = around.engine.answers.pop("clean")
    post(b'{"ind":1}')
    with pytest.raises(PermanentFailure, match="no answer"):
        lane.move()
    around.engine.answers["clean"] = answer
    assert lane.move() == 1
    assert [batch.records for plan in asked for batch in plan.batches] == [1]
    assert lane.move() == 0
