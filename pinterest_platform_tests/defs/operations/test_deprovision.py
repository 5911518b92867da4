"""`deprovision`: streams go where they are named and all of them is landed, and nothing else ever does."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import pytest

from pinterest_platform.defs.operations.jobs import deprovision
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform_tests.defs.surroundings import STREAM, Surroundings


class Provisioner:
    """Deletes from the fake log."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    def apply(self) -> Sequence[str]:
        raise NotImplementedError

    def delete_streams(self, streams: Sequence[str], before: Callable[[str], None]) -> Sequence[str]:
        there = [name for name in streams if name in self.around.shards.streams]
        for name in there:
            before(name)
        for name in there:
            self.around.shards.delete(name)
        return [f"stream {name}: deleted" for name in there]


def run(around: Surroundings, **config: Any) -> dg.ExecuteInProcessResult:
    return deprovision.execute_in_process(
        resources={**around.resources, "provisioner": Provisioner(around)},
        run_config={"ops": {"delete_streams": {"config": config}}},
        raise_on_error=False,
    )


def failure(done: dg.ExecuteInProcessResult) -> str:
    [event] = [event for event in done.all_events if event.is_step_failure]
    return str(event.step_failure_data.user_failure_data)


def test_a_landed_stream_goes_and_the_others_stay(around: Surroundings) -> None:
    around.shards.put(STREAM, 0, b'{"ind":1}')
    land_stream(around.shards, around.objects, STREAM)
    objects = dict(around.objects.objects)
    assert run(around, streams=[STREAM]).success
    assert sorted(around.shards.streams) == ["streaming-u-geo", "streaming-u-pin"]
    assert around.objects.objects == objects
    assert run(around, streams=[STREAM]).success


def test_a_stream_that_is_not_landed_stays_unless_it_is_told_to_go(around: Surroundings) -> None:
    around.shards.put(STREAM, 0, b'{"ind":1}')
    done = run(around, streams=["streaming-u-pin", STREAM])
    assert f"{STREAM} holds records that are not landed; nothing was deleted" in failure(done)
    assert len(around.shards.streams) == 3
    assert run(around, streams=[STREAM], even_unlanded=True).success
    assert STREAM not in around.shards.streams


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ([], "No stream is named"),
        (["streaming-other-pin"], "streaming-other-pin is no stream of user id u"),
        ([STREAM, "u.user"], "u.user is no stream of user id u"),
    ],
)
def test_what_is_no_stream_of_the_user_id_prevents_everything(around: Surroundings, named: list[str], why: str) -> None:
    assert why in failure(run(around, streams=named))
    assert len(around.shards.streams) == 3


def test_without_run_config_it_does_not_even_start(around: Surroundings) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError):
        deprovision.execute_in_process(resources={**around.resources, "provisioner": Provisioner(around)})
