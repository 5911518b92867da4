"""The platform's runs in Dagster's run storage."""

import dagster as dg
from dagster._core.storage.tags import TagType, get_tag_type

from pinterest_platform.orchestration.runs import EARLIER_JOB_TAG, JOB_TAG, READER, WRITER, is_platforms, writer_runs

EARLIER = {EARLIER_JOB_TAG: "writer"}


def test_runs_of_earlier_releases_are_found_too_in_order_and_once() -> None:
    assert get_tag_type(JOB_TAG) is TagType.HIDDEN
    job = dg.JobDefinition(name="job", graph_def=dg.GraphDefinition(name="job"))
    with dg.DagsterInstance.ephemeral() as instance:
        created = [instance.create_run_for_job(job, tags=tags) for tags in (EARLIER, WRITER, EARLIER, EARLIER | WRITER)]
        others = [instance.create_run_for_job(job, tags=tags) for tags in ({}, READER)]
        newest_first = [run.run_id for run in reversed(created)]
        for limit in (None, 1, 3):
            found = writer_runs(instance, "job", limit=limit)
            assert [record.dagster_run.run_id for record in found] == newest_first[:limit]
        assert writer_runs(instance, "other") == []
    assert [is_platforms(run) for run in (*created, *others)] == [True] * 4 + [False, True]
