"""The plan of cleaning: batches in order, each with the positions that the table must have before it."""

from pinterest_platform.catalog import GEO, Route
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.pending import pending_segments
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.pipelines.clean import Cleaner
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import CleanParameters
from pinterest_platform.testing import FakeEngine, FakeLake, FakeObjectStore, FakeTopicLog


def test_each_batch_names_the_positions_that_the_table_must_have_before_it() -> None:
    settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "nowhere:1"}).model_copy(
        update={"clean_batch_bytes": 1}
    )
    topics, objects = FakeTopicLog(), FakeObjectStore()
    topic = settings.names.topic(GEO)
    topics.create(topic)
    topics.append(topic, 0, *(b'{"ind":%d}' % number for number in range(6)))
    topics.trim(topic, 0, 2)
    land_topic(topics, objects, topic, TopicOptions(object_bytes=1))
    segments = pending_segments(objects, topic, {})
    ends, app_id = [segment.end for segment in segments], segments[0].app_id
    lakehouse = Lakehouse(settings, objects, FakeLake(), FakeEngine())
    cleaner = Cleaner(GEO, Route.KAFKA, lakehouse, "run", lambda _: None)

    def after(plan: CleanParameters | None) -> list[dict[str, int]]:
        return [] if plan is None else [dict(batch.after) for batch in plan.batches]

    later = [{app_id: end} for end in ends[:-1]]
    assert after(cleaner.plan_pending(None)) == after(cleaner.plan_pending({app_id: -1})) == [{}, *later]
    assert after(cleaner.plan_rebuild()) == [{}, *later]
    assert after(cleaner.plan_pending({app_id: ends[0]})) == later
    assert cleaner.plan_pending({app_id: ends[-1]}) is None
