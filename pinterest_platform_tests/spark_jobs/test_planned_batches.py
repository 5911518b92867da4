"""The plan of a cleaning run: batches in order, each with the positions that the table must have before it."""

from pinterest_platform.catalog import GEO
from pinterest_platform.landing.kafka.options import LandingOptions
from pinterest_platform.landing.kafka.pending import pending_segments
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.pipelines.clean import cleaning_plan
from pinterest_platform.settings import Settings
from pinterest_platform_tests.fakes import FakeObjectStore, FakeTopicLog


def test_each_batch_has_the_positions_that_the_table_must_have_before_it() -> None:
    settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "nowhere:1"}).model_copy(
        update={"clean_batch_bytes": 1}
    )
    topics, objects = FakeTopicLog(), FakeObjectStore()
    topic = settings.names.topic(GEO)
    topics.create(topic)
    topics.append(topic, 0, *(b'{"ind":%d}' % number for number in range(6)))
    topics.trim(topic, 0, 2)
    land_topic(topics, objects, topic, LandingOptions(object_bytes=1))
    ends = [segment.end for segment in pending_segments(objects, topic, {})]
    app = pending_segments(objects, topic, {})[0].app_id

    def after(positions: dict[str, int] | None, full_refresh: bool = False) -> list[dict[str, int]]:
        plan = cleaning_plan(GEO, settings, objects, positions, "run", full_refresh)
        return [] if plan is None else [dict(batch.after) for batch in plan.batches]

    later = [{app: end} for end in ends[:-1]]
    assert after(None) == after({app: -1}) == after({app: ends[0]}, full_refresh=True) == [{}, *later]
    assert after({app: ends[0]}) == later
