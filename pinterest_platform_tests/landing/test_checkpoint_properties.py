"""The ledger with checkpoints compared with the ledger of a bucket that has none, for any history of a chain."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinterest_platform.failures import TransientFailure
from pinterest_platform.landing import checkpoint
from pinterest_platform.landing.audit_schedule import EVERYTHING, NEW_MS
from pinterest_platform_tests.faults import FaultyStore, Killed
from pinterest_platform_tests.landing.chains import DAYS, Chain, Partition, Shard, figures

VALUES = [b'{"a":1}', b'{"a":22}', b"junk"]


def halve(chain: Chain, key: str) -> None:
    chain.change(key, chain.store.objects[key].body[:-9])


def flip(chain: Chain, key: str) -> None:
    body = chain.store.objects[key].body
    chain.change(key, body[:-3] + b"9" + body[-2:])


def claim(chain: Chain, key: str) -> None:
    chain.change(key, records="7")


def break_end(chain: Chain, key: str) -> None:
    chain.change(key, end="x")


def lose_metadata(chain: Chain, key: str) -> None:
    chain.store.put(key, chain.store.objects[key].body)


def delete(chain: Chain, key: str) -> None:
    chain.store.delete([key])


def delete_quarantine(chain: Chain, key: str) -> None:
    chain.store.delete([stored.key for stored in chain.store.list(f"quarantine/{key.removesuffix('.json')}")])


def add_foreign(chain: Chain, key: str) -> None:
    chain.store.put(f"{key.removesuffix('.json')}-copy", b"")


DAMAGES: list[Callable[[Chain, str], None]] = [
    halve, flip, claim, break_end, lose_metadata, delete, delete_quarantine, add_foreign,
]  # fmt: skip
LAND = st.tuples(st.just("land"), st.lists(st.sampled_from(VALUES), min_size=1, max_size=5))
AGE = st.tuples(st.just("age"), st.sampled_from([0.5, 1, 1, 2.1, 5]))
LEDGER = st.tuples(st.just("ledger"), st.none())
KILL = st.tuples(
    st.just("kill"), st.tuples(st.integers(0, 40), st.sampled_from(["kill", "kill-after", "fail", "lose"]))
)
LATE = st.tuples(st.just("late"), st.none())
DAMAGE = st.tuples(st.just("damage"), st.tuples(st.sampled_from(DAMAGES), st.integers(0, 30)))
DAMAGE_LIST = st.lists(DAMAGE, min_size=1, max_size=3)
HISTORY = st.lists(LAND | AGE | LEDGER | KILL | LATE, min_size=2, max_size=14)


def full(chain: Chain) -> Any:
    """Return the full audit of the bucket without checkpoints."""
    return chain.account(chain.without_checkpoints(), EVERYTHING)


def run(chain: Chain, steps: list[tuple[str, Any]]) -> None:
    for name, argument in steps:
        if name == "land":
            chain.land(*argument)
        elif name == "age":
            chain.age(argument)
        elif name == "late":
            chain.ledger(deadline=0.0)
        elif name == "kill":
            call, fault = argument
            with suppress(Killed, TransientFailure):
                chain.ledger(FaultyStore(chain.store, {call: fault}))
        elif name == "damage":
            act, number = argument
            keys = [key for key in chain.keys if key.endswith(".json")]
            if len(keys) > 1:
                act(chain, keys[number % len(keys)])
        else:
            check(chain)


def check(chain: Chain) -> set[str]:
    """Run the ledger: it names damage of new objects, and nothing that a full audit does not name."""
    expected, ledger = set(full(chain).problems), chain.ledger()
    named = {problem for problem in ledger.problems if not problem.startswith("the checkpoint")}
    assert named <= expected or hides_other_damage(expected)
    new = {key for key, stored in chain.store.objects.items() if stored.modified_ms >= chain.store.clock_ms - NEW_MS}
    landed = landed_at(chain)
    for problem in expected - named:
        culprits = [key for key in chain.keys if key in problem]
        assert not any(key in new and landed.get(key, 0) >= chain.store.clock_ms - NEW_MS for key in culprits), problem
    if not expected and not ledger.problems:
        assert figures(ledger) == figures(chain.account(chain.without_checkpoints(), None))
    return named


def hides_other_damage(problems: set[str]) -> bool:
    """Return True if an audit cannot order the objects; a ledger can name others before it reads the damaged one."""
    return any(problem.startswith("The metadata of ") for problem in problems)


def lacks_metadata(chain: Chain) -> bool:
    return any("lander" not in chain.store.objects[key].metadata for key in chain.keys if key.endswith(".json"))


def landed_at(chain: Chain) -> dict[str, int]:
    return vars(chain)["landed_ms"]


def chain_of(kind: type[Chain]) -> Chain:
    """Return a chain that remembers when each object was landed."""
    chain = kind()
    times: dict[str, int] = {}
    put_if_absent = chain.store.put_if_absent

    def remember(key: str, *arguments: Any) -> bool:
        created = put_if_absent(key, *arguments)
        times.setdefault(key, chain.store.clock_ms)
        return created

    chain.store.put_if_absent = remember  # pyright: ignore[reportAttributeAccessIssue]
    vars(chain)["landed_ms"] = times
    return chain


@pytest.mark.parametrize("kind", [Partition, Shard])
@settings(max_examples=60, deadline=None)
@given(history=HISTORY)
def test_without_damage_the_ledger_is_that_of_a_bucket_without_checkpoints(
    kind: type[Chain], history: list[tuple[str, Any]]
) -> None:
    with mock.patch.object(checkpoint, "_MAX_OBJECTS", 3):
        chain = chain_of(kind)
        chain.land(b"{}")
        run(chain, history)
        for _ in range(DAYS):
            assert check(chain) == set()
            assert chain.ledger().problems == ()
            chain.age(1)


@pytest.mark.parametrize("kind", [Partition, Shard])
@settings(max_examples=120, deadline=None)
@given(
    before=HISTORY,
    is_covered=st.booleans(),
    is_audited=st.booleans(),
    damages=DAMAGE_LIST,
    after=st.lists(AGE | LEDGER | KILL, max_size=6),
)
def test_each_damage_is_named_at_once_or_when_due_or_by_an_audit_and_from_then_on(
    kind: type[Chain],
    before: list[tuple[str, Any]],
    is_covered: bool,
    is_audited: bool,
    damages: list[tuple[str, Any]],
    after: list[tuple[str, Any]],
) -> None:
    with mock.patch.object(checkpoint, "_MAX_OBJECTS", 3):
        chain = chain_of(kind)
        chain.land(*VALUES * 2)
        covered = [("age", 2.1), ("ledger", None)] if is_covered else []
        run(chain, [*before, *covered, *damages, *after])
        expected = set(full(chain).problems)
        if is_audited:
            assert expected <= set(chain.account(chain.store, EVERYTHING).problems)
        named: set[str] = set()
        for _ in range(DAYS):
            chain.age(1)
            named |= check(chain)
        assert named == expected or (named > expected and hides_other_damage(expected))
        chain.age(1)
        again = check(chain)
        # A partition whose first or newest object lacks metadata counts as one that a Connect sink writes to.
        assert again == expected or (again < expected and kind is Partition and lacks_metadata(chain))
