"""Pipelines on fakes: what a drain reads, the positions that cleaning gets, and when a table is compacted."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pinterest_platform.catalog import USER, Route
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_segments
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.landing.kinesis.watermarks import watermarks_key
from pinterest_platform.pipelines.landers import KafkaLander, KinesisLander
from pinterest_platform.pipelines.micro_batches import COMPACT_AT, EntityPipeline
from pinterest_platform.ports import Json, TableFacts
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

Post = Callable[..., None]


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


@pytest.fixture(params=["kafka", "kinesis"])
def route(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def pipeline(around: Surroundings, route: str, lines: list[str]) -> EntityPipeline:
    return new_pipeline(around, route, lines)


def new_pipeline(around: Surroundings, route: str, lines: list[str]) -> EntityPipeline:
    lander = (
        KafkaLander(around.topics, TopicOptions())
        if route == "kafka"
        else KinesisLander(around.shards, StreamOptions())
    )
    return EntityPipeline(USER, lander, around.lakehouse, "run", lines.append)


@pytest.fixture
def post(around: Surroundings, route: str) -> Post:
    def put(*values: bytes) -> None:
        if route == "kafka":
            around.topics.append(TOPIC, 0, *values)
        else:
            around.shards.put(STREAM, 0, *values)

    return put


def answer_clean(around: Surroundings, small_files: Callable[[], int] = lambda: 1) -> list[CleanParameters]:
    """Let the engine clean; return the list to which it appends the plans that it gets."""
    plans: list[CleanParameters] = []

    def response(parameters: Json) -> Json:
        plan = CleanParameters.from_json(parameters)
        plans.append(plan)
        positions = dict(around.lake.table_positions.get(plan.table_uri, {}))
        for batch in plan.batches:
            positions |= batch.positions
        around.lake.table_positions[plan.table_uri] = positions
        around.lake.tables[plan.table_uri] = TableFacts(plan.table_uri, 1, 1, ())
        records = sum(batch.records or 0 for batch in plan.batches)
        return CleanResult(
            records, 0, {"bad": 1}, records, records, 0, 0, {"age": 2}, 1, records, positions, small_files()
        ).to_json()

    around.engine.responses["clean"] = response
    return plans


def test_a_pipeline_reads_positions_once_and_then_takes_them_from_each_cleaning(
    around: Surroundings, pipeline: EntityPipeline, post: Post
) -> None:
    plans = answer_clean(around)
    for number in range(4):
        post(b'{"ind":%d}' % number)
        assert pipeline.run_batch() == 1
    assert pipeline.run_batch() == 0
    assert around.lake.position_reads == 1
    assert [len(plan.batches) for plan in plans] == [1] * 4
    cleaned = pipeline.totals.cleaned
    assert cleaned is not None
    assert (cleaned.new, cleaned.reasons, cleaned.unreadable) == (4, {"bad": 4}, {"age": 8})
    assert pipeline.positions == around.lake.table_positions[plans[0].table_uri]


def test_each_micro_batch_names_the_positions_that_the_table_must_have_before_it(
    around: Surroundings, pipeline: EntityPipeline, post: Post
) -> None:
    plans = answer_clean(around)
    for number in range(3):
        post(b'{"ind":%d}' % number)
        pipeline.run_batch()
    batches: list[Batch] = [batch for plan in plans for batch in plan.batches]
    assert [batch.after for batch in batches] == [{}, batches[0].positions, batches[1].positions]


def test_a_pipeline_continues_after_the_batch_of_another_drain(
    around: Surroundings, route: str, pipeline: EntityPipeline, post: Post, lines: list[str]
) -> None:
    plans = answer_clean(around)
    post(b'{"ind":1}')
    pipeline.run_batch()
    post(b'{"ind":2}')
    other = new_pipeline(around, route, lines)
    assert other.run_batch() == 1
    assert plans[1].batches[0].after == plans[0].batches[0].positions
    post(b'{"ind":3}')
    assert pipeline.run_batch() >= 1
    assert [batch.after for batch in plans[2].batches][:1] == [plans[0].batches[0].positions]
    assert pipeline.positions == around.lake.table_positions[plans[0].table_uri]


def test_a_first_drain_creates_the_table_even_without_records_and_a_later_one_leaves_it_alone(
    around: Surroundings, route: str, pipeline: EntityPipeline, lines: list[str]
) -> None:
    plans = answer_clean(around)
    assert pipeline.facts() is None
    batches = [pipeline.run_batch(), pipeline.run_batch(), new_pipeline(around, route, lines).run_batch()]
    assert batches == [0, 0, 0]
    assert [list(plan.batches) for plan in plans] == [[]]
    assert pipeline.facts() is not None


def test_objects_that_are_landed_but_not_cleaned_are_cleaned_first(
    around: Surroundings, route: str, pipeline: EntityPipeline, post: Post, lines: list[str]
) -> None:
    plans = answer_clean(around)
    pipeline.run_batch()
    post(b'{"ind":1}')
    del around.engine.responses["clean"]
    with pytest.raises(Exception, match="has no response"):
        pipeline.run_batch()
    plans = answer_clean(around)
    assert new_pipeline(around, route, lines).run_batch() == 1
    assert [batch.records for plan in plans for batch in plan.batches] == [1]


def run_batches(pipeline: EntityPipeline, post: Post, count: int) -> None:
    for number in range(count):
        post(b'{"ind":%d}' % number)
        pipeline.run_batch()


def test_a_table_is_compacted_once_it_has_many_small_files(
    around: Surroundings, pipeline: EntityPipeline, post: Post, lines: list[str]
) -> None:
    counts = iter([1, COMPACT_AT - 1, COMPACT_AT, 1])
    around.lake.small_files = COMPACT_AT
    plans = answer_clean(around, lambda: next(counts))
    run_batches(pipeline, post, 2)
    assert around.lake.compacted == []
    run_batches(pipeline, post, 2)
    assert around.lake.compacted == [plans[0].table_uri]
    assert f"{COMPACT_AT} small files compacted" in lines[-1] + lines[-2]


@pytest.mark.parametrize("outcome", [None, 0])
def test_a_compaction_without_effect_is_retried_after_as_many_more_files(
    around: Surroundings, pipeline: EntityPipeline, post: Post, outcome: int | None
) -> None:
    around.lake.small_files = outcome
    files = iter(range(1, 10_000))
    answer_clean(around, lambda: next(files))
    run_batches(pipeline, post, 3 * COMPACT_AT)
    assert len(around.lake.compacted) == 3


def test_landed_objects_of_healthy_shards_are_cleaned_although_another_shard_fails(
    around: Surroundings, lines: list[str]
) -> None:
    plans = answer_clean(around)
    around.shards.delete(STREAM)
    around.shards.create(STREAM, 2)
    new_pipeline(around, "kinesis", lines).run_batch()
    around.shards.put(STREAM, 0, b'{"ind":1}')
    around.shards.put(STREAM, 1, b'{"ind":2}')
    new_pipeline(around, "kinesis", lines).run_batch()
    # Shard 0 is not read until its silence can be a loss; shard 1 is.
    around.shards.advance(20)
    around.shards.put(STREAM, 1, b'{"ind":3}')
    land_stream(around.shards, around.objects, STREAM)
    around.shards.advance(10)
    epoch = around.shards.describe(STREAM).epoch
    around.objects.delete([watermarks_key(STREAM, epoch)])
    around.shards.put(STREAM, 0, b'{"ind":4}')
    around.shards.put(STREAM, 1, b'{"ind":5}')
    pipeline = new_pipeline(around, "kinesis", lines)
    plans.clear()
    with pytest.raises(PermanentFailure, match="possibly lost"):
        pipeline.run_batch()
    assert sum(batch.records or 0 for plan in plans for batch in plan.batches) == 2
    assert pipeline.totals.cleaned is not None
    positions = around.lake.table_positions[plans[0].table_uri]
    assert pending_segments(around.objects, STREAM, positions) == []


def test_landed_objects_of_healthy_partitions_are_cleaned_although_another_partition_fails(
    around: Surroundings, lines: list[str]
) -> None:
    plans = answer_clean(around)
    around.topics.append(TOPIC, 0, b'{"ind":1}')
    new_pipeline(around, "kafka", lines).run_batch()
    around.topics.append(TOPIC, 0, b'{"ind":2}', b'{"ind":3}')
    around.topics.trim(TOPIC, 0, 2)
    around.topics.append(TOPIC, 1, b'{"ind":4}')
    with pytest.raises(PermanentFailure, match="accept_gap"):
        new_pipeline(around, "kafka", lines).run_batch()
    assert [batch.positions for plan in plans[1:] for batch in plan.batches] == [{f"{TOPIC}/1": 0}]


BROKEN = PermanentFailure("The log of the table is damaged.", "Delete the table.")


def table_of(around: Surroundings, route: str) -> str:
    return around.settings.names.places(USER, Route(route)).table_uri


def duplicates(around: Surroundings) -> Callable[[Json], Json]:
    return lambda parameters: around.sound(parameters, duplicate_keys=3)


def test_a_table_that_fails_a_blocking_check_is_not_upserted_but_its_stream_is_landed(
    around: Surroundings, route: str, lines: list[str], pipeline: EntityPipeline, post: Post
) -> None:
    plans = answer_clean(around)
    pipeline.run_batch()
    around.engine.responses["verify"] = duplicates(around)
    post(b'{"ind":1}')
    layer = "cleaned" if route == "kafka" else "cleaned_stream"
    later = new_pipeline(around, route, lines)
    with pytest.raises(PermanentFailure, match=rf"^{layer}/user, version 1: check unique_key failed: 3 rows"):
        later.run_batch()
    assert (len(plans), later.totals.objects) == (1, 1)
    post(b'{"ind":2}')
    assert (later.land_batch(), later.totals.objects, len(plans)) == (1, 2, 1)


def test_a_table_without_new_records_is_checked_once_for_each_version(
    around: Surroundings, route: str, lines: list[str], pipeline: EntityPipeline
) -> None:
    answer_clean(around)
    pipeline.run_batch()
    for _ in range(2):
        new_pipeline(around, route, lines).run_batch()
    assert [job for job, _ in around.engine.calls] == ["clean", "verify"]
    around.engine.responses["verify"] = duplicates(around)
    facts = around.lake.tables[table_of(around, route)]
    around.lake.tables[facts.uri] = replace(facts, version=2)
    for _ in range(2):
        with pytest.raises(PermanentFailure, match="version 2: check unique_key failed"):
            new_pipeline(around, route, lines).run_batch()
    around.lake.tables[facts.uri] = replace(facts, version=2, rows_id="recreated or restored")
    around.engine.responses["verify"] = around.sound
    new_pipeline(around, route, lines).run_batch()
    assert [job for job, _ in around.engine.calls] == ["clean", "verify", "verify", "verify"]


def test_a_stream_is_landed_although_the_positions_of_its_table_cannot_be_read(
    around: Surroundings, route: str, lines: list[str], pipeline: EntityPipeline, post: Post
) -> None:
    answer_clean(around)
    post(b'{"ind":1}')
    pipeline.run_batch()
    around.lake.unreadable[table_of(around, route)] = BROKEN
    post(b'{"ind":2}')
    later = new_pipeline(around, route, lines)
    with pytest.raises(PermanentFailure, match="The log of the table is damaged"):
        later.run_batch()
    post(b'{"ind":3}')
    assert (later.land_batch(), later.totals.records) == (1, 2)
    around.lake.unreadable.clear()
    assert new_pipeline(around, route, lines).run_batch() == 2


def test_nothing_is_landed_from_the_start_again_if_neither_objects_nor_positions_can_be_read(
    around: Surroundings, route: str, lines: list[str], post: Post
) -> None:
    around.lake.unreadable[table_of(around, route)] = BROKEN
    pipeline = new_pipeline(around, route, lines)
    post(b'{"ind":1}')
    with pytest.raises(PermanentFailure, match=r"position to land from is unknown.*The log of the table is damaged"):
        pipeline.run_batch()
    with pytest.raises(PermanentFailure, match="position to land from is unknown"):
        pipeline.land_batch()
    assert not [key for key in around.objects.objects if key.endswith(".json") and "sightings" not in key]


def test_a_landing_that_fails_creates_no_table_and_a_failure_of_cleaning_is_raised_with_its_own(
    around: Surroundings, route: str, lines: list[str], post: Post
) -> None:
    plans = answer_clean(around)
    post(b'{"ind":1}')
    log = around.topics if route == "kafka" else around.shards
    log.down = True
    with pytest.raises(TransientFailure, match="is down"):
        new_pipeline(around, route, lines).run_batch()
    assert plans == []
    log.down = False
    del around.engine.responses["clean"]
    with pytest.raises(PermanentFailure, match="no response"):
        new_pipeline(around, route, lines).run_batch()
    log.down = True
    with pytest.raises(TransientFailure, match=r"is down.*has no response"):
        new_pipeline(around, route, lines).run_batch()


def test_a_pipeline_that_failed_can_run_again_and_cleans_the_objects_it_had_landed(
    around: Surroundings, pipeline: EntityPipeline, post: Post
) -> None:
    plans = answer_clean(around)
    pipeline.run_batch()
    response = around.engine.responses.pop("clean")
    post(b'{"ind":1}')
    with pytest.raises(PermanentFailure, match="no response"):
        pipeline.run_batch()
    around.engine.responses["clean"] = response
    assert pipeline.run_batch() == 1
    assert [batch.records for plan in plans for batch in plan.batches] == [1]
    assert pipeline.run_batch() == 0
