"""Records are sent until accepted, only rejected ones are retried, and the order of a key is kept."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulators.failures import EmulatorFailure
from emulators.posting import delivery
from emulators.posting.counts import Counts
from emulators.posting.delivery import Delivery, RetryPolicy
from emulators.posting.poster import Pace, Poster
from emulators.posting.routes import Record, Rejection, UnavailableError, Verdict
from emulators.posting.source import Post

RETRIABLE, PERMANENT = Rejection("busy", retriable=True), Rejection("too large", retriable=False)
Script = Callable[[int, Sequence[Record]], list[Verdict]]


class ScriptedRoute:
    """A route that responds by its script, and keeps the records that it accepted."""

    name = "scripted"
    address = "nowhere"
    max_records = 3
    max_bytes = 1000

    def __init__(self, script: Script) -> None:
        self._script = script
        self.sent: list[tuple[str, list[int]]] = []
        self.accepted: dict[str, list[Record]] = defaultdict(list)

    async def open(self, connections: int, patience_seconds: float) -> None:
        pass

    async def close(self) -> None:
        pass

    async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        self.sent.append((entity, [record.key for record in records]))
        await asyncio.sleep(0)
        verdicts = self._script(len(self.sent), records)
        self.accepted[entity].extend(record for record, verdict in zip(records, verdicts, strict=True) if not verdict)
        return verdicts


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE", 0.0005)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 0.001)


def records(*keys: int) -> list[Record]:
    return [Record(key, b"{}") for key in keys]


def deliver(
    route: ScriptedRoute, what: list[Record], patience: RetryPolicy | None = None, stopped: bool = False
) -> Counts:
    counts = Counts()

    async def run() -> None:
        stop = asyncio.Event()
        if stopped:
            stop.set()
        await Delivery(route, patience or RetryPolicy(), counts, stop).deliver("pin", what)

    asyncio.run(run())
    return counts


def test_only_the_rejected_records_are_retried() -> None:
    route = ScriptedRoute(
        lambda number, some: [RETRIABLE if number == 1 and record.key == 2 else None for record in some]
    )
    counts = deliver(route, records(1, 2, 3))
    assert route.sent == [("pin", [1, 2, 3]), ("pin", [2])]
    assert (counts.sent, counts.accepted, counts.failed, counts.reasons) == (3, 3, 0, {})


def test_a_permanently_rejected_record_is_counted_and_not_retried() -> None:
    route = ScriptedRoute(lambda _, some: [PERMANENT if record.key == 2 else None for record in some])
    counts = deliver(route, records(1, 2, 3))
    assert len(route.sent) == 1
    assert (counts.sent, counts.accepted, counts.failed, counts.reasons) == (3, 2, 1, {"too large": 1})


def test_a_record_that_is_always_rejected_fails_after_the_last_attempt() -> None:
    route = ScriptedRoute(lambda _, some: [RETRIABLE for _ in some])
    counts = deliver(route, records(1), RetryPolicy(attempts=4))
    assert len(route.sent) == 4
    assert (counts.failed, counts.reasons) == (1, {"busy": 1})


def test_a_batch_that_is_accepted_bit_by_bit_does_not_fail() -> None:
    def script(_number: int, some: Sequence[Record]) -> list[Verdict]:
        return [None, *[RETRIABLE for _ in some[1:]]]

    route = ScriptedRoute(script)
    route.max_records = 20
    counts = deliver(route, records(*range(20)), RetryPolicy(attempts=2))
    assert (counts.sent, counts.accepted, counts.failed) == (20, 20, 0)
    assert len(route.sent) == 20


def test_a_request_that_fails_as_a_whole_is_retried_as_a_whole_and_costs_no_record_an_attempt() -> None:
    def script(number: int, some: Sequence[Record]) -> list[Verdict]:
        if number % 2:
            raise UnavailableError("HTTP 503")
        return [RETRIABLE if number < 6 else None for _ in some]

    route = ScriptedRoute(script)
    counts = deliver(route, records(1, 2), RetryPolicy(attempts=3))
    assert [keys for _, keys in route.sent] == [[1, 2]] * 6
    assert (counts.sent, counts.accepted) == (2, 2)


def test_a_route_that_accepts_nothing_ends_the_run_once_the_time_is_up() -> None:
    def script(_number: int, _some: Sequence[Record]) -> list[Verdict]:
        raise UnavailableError("connection refused")

    with pytest.raises(
        EmulatorFailure, match=r"scripted route at nowhere accepted nothing for 0\.02 s: connection refused"
    ):
        deliver(ScriptedRoute(script), records(1), RetryPolicy(retry_seconds=0.02))


def test_a_route_that_does_not_answer_is_timed_out() -> None:
    class Silent(ScriptedRoute):
        async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
            await asyncio.sleep(600)
            return []

    with pytest.raises(EmulatorFailure, match="no response within"):
        deliver(Silent(lambda *_: []), records(1), RetryPolicy(request_seconds=0.01, retry_seconds=0.03))


def test_a_request_that_fails_while_others_are_accepted_is_counted_and_the_run_goes_on() -> None:
    def script(_number: int, some: Sequence[Record]) -> list[Verdict]:
        if some[0].key == 0:
            raise UnavailableError("HTTP 500")
        return [None for _ in some]

    route, counts = ScriptedRoute(script), Counts()
    posts = [Post(key, {"pin": b"{}"}) for key in (0, *range(1, 4000))]

    async def run() -> None:
        poster = Poster([(route, counts)], Pace(concurrency=2), RetryPolicy(retry_seconds=1.0), asyncio.Event())
        await poster.run(iter([posts]))

    asyncio.run(run())
    assert (counts.sent, counts.failed, counts.reasons) == (4000, 1, {"HTTP 500": 1})


def test_after_a_stop_nothing_is_retried() -> None:
    route = ScriptedRoute(lambda _, some: [RETRIABLE for _ in some])
    counts = deliver(route, records(1), stopped=True)
    assert len(route.sent) == 1
    assert counts.failed == 1


def test_requests_are_as_large_as_the_route_allows() -> None:
    route = ScriptedRoute(lambda _, some: [None for _ in some])
    small, large = [Record(key, b"x" * 10) for key in range(4)], [Record(key, b"x" * 900) for key in (7, 8)]
    deliver(route, [*small, *large, Record(9, b"x" * 5000), Record(10, b"x")])
    assert [keys for _, keys in route.sent] == [[0, 1, 2], [3, 7], [8], [9], [10]]


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(st.integers(0, 15), max_size=80),
    per_request=st.integers(1, 7),
    concurrency=st.integers(1, 6),
    faults=st.lists(st.sampled_from(["fine", "fine", "some", "none"]), min_size=1, max_size=30),
)
def test_each_keys_posts_arrive_in_order_whatever_fails(
    keys: list[int], per_request: int, concurrency: int, faults: list[str]
) -> None:
    def script(number: int, some: Sequence[Record]) -> list[Verdict]:
        fault = faults[number % len(faults)] if number < 40 else "fine"
        if fault == "none":
            raise UnavailableError("HTTP 502")
        return [RETRIABLE if fault == "some" and (at + number) % 2 else None for at in range(len(some))]

    route, counts = ScriptedRoute(script), Counts()
    rows = [str(at).encode() for at in range(len(keys))]
    posts = [Post(key, {"pin": row, "geo": row, "user": row}) for key, row in zip(keys, rows, strict=True)]

    async def run() -> None:
        pace = Pace(per_request=per_request, concurrency=concurrency)
        await Poster([(route, counts)], pace, RetryPolicy(attempts=100), asyncio.Event()).run(iter([posts]))

    asyncio.run(run())
    assert (counts.posts, counts.sent, counts.accepted, counts.failed) == (len(keys), 3 * len(keys), 3 * len(keys), 0)
    for entity in ("pin", "geo", "user") if keys else ():
        for key in set(keys):
            arrived = [record.value for record in route.accepted[entity] if record.key == key]
            assert arrived == [row for at, row in zip(keys, rows, strict=True) if at == key]
