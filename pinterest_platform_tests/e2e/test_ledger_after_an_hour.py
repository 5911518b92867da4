"""The ledger after an hour of the seeded streams, a restart of each service, and each kind of damage.

PINTEREST_TEST_MINUTES sets another number of minutes than 60.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from emulators.services.registry import SERVICES
from pinterest_platform.catalog import PIN
from pinterest_platform_tests.conftest import emulators
from pinterest_platform_tests.e2e.both_routes import BothRoutes
from pinterest_platform_tests.e2e.harness import Tenant, failed_checks, ledger_problems
from pinterest_platform_tests.e2e.test_seeded_streams import run_turns, settle

MINUTES = float(os.environ.get("PINTEREST_TEST_MINUTES", "60"))
OFFSETS, SHARDS, BYTES = (
    "every_offset_is_accounted_for",
    "every_shard_is_accounted_for",
    "every_shard_object_is_undamaged",
)
CLEANED = "everything_landed_is_cleaned"
LEDGER = "ledger/conservation"
COMMITS = "cleaned/pin:only_platform_commits"


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_the_ledger_is_red_exactly_where_it_should_be(
    user: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deviations: list[object] = []

    def afterwards(routes: BothRoutes) -> None:
        restart_each_service(routes)
        deviations.extend(damage_each_chain(routes))
        deviations.extend(damage_a_table(user))

    run_turns(user, tmp_path, monkeypatch, 11, minutes(MINUTES), afterwards)
    assert deviations == []


def minutes(count: float) -> Iterator[int]:
    """Yield numbers until the minutes have passed."""
    deadline, turn = time.monotonic() + 60 * count, 0
    while time.monotonic() < deadline:
        print(f"turn {turn}", flush=True)
        yield turn
        turn += 1


def restart_each_service(routes: BothRoutes) -> None:
    """Restart every service, with posts after each; the ledger and the tables must agree with the accepted records."""
    for service in SERVICES:
        restarted = emulators("restart", service.name, "--home", str(routes.user.settings.home))
        assert restarted.returncode == 0, restarted.stdout + restarted.stderr
        routes.post(5, random.Random(service.name))
        assert ledger_problems(routes.user.run_well()) == {}, service.name
    routes.crash()
    settle(routes)


def damage_each_chain(routes: BothRoutes) -> Iterator[object]:
    """Damage objects of both routes one by one; yield what the ledger does not name, or names wrongly."""
    user, names = routes.user, routes.user.names
    objects = Objects(user)
    landed = {f"topics/{names.topic(PIN)}/": (OFFSETS,), f"streams/{routes.stream(PIN)}/": (SHARDS, BYTES)}
    for prefix, checks in landed.items():
        key, *_ = (key for key in user.objects(prefix) if objects.fields(key).get("records", "0") > "1")
        folder, part = key.split("/")[1:3]
        chain = f"{folder}/{part.partition('=')[2]}"
        for name, change in DAMAGES.items():
            text, also = (chain, (CLEANED,)) if name in UNREADABLE else (key, ())
            with objects.changed(key, change):
                yield from ledger_deviations(user, f"{prefix} {name}", (*checks, *also), text)
        with objects.deleted(key):
            yield from ledger_deviations(user, f"{prefix} deleted", checks, chain)
        foreign = key.replace(part, f"{part.partition('=')[0]}=9")
        with objects.copied(key, foreign):
            yield from ledger_deviations(user, f"{prefix} copied", checks, foreign.rpartition("/")[0])
    assert ledger_problems(user.materialize(LEDGER)) == {}


def ledger_deviations(user: Tenant, name: str, checks: tuple[str, ...], text: str) -> Iterator[object]:
    """Materialize the ledger: only these of its checks may fail, and each problem must hold the text."""
    problems = ledger_problems(user.materialize(LEDGER))
    print(name, problems, flush=True)
    lines = [problem for found in problems.values() for problem in found]
    if not problems or not set(problems) <= set(checks) or not all(text in line for line in lines):
        yield name, problems


Body = tuple[bytes, dict[str, str]]
DAMAGES: dict[str, Callable[[bytes, dict[str, str]], Body]] = {
    "halved": lambda body, fields: (body[: len(body) // 2], fields),
    "one byte": lambda body, fields: (body[:-3] + bytes([body[-3] ^ 1]) + body[-2:], fields),
    "emptied": lambda body, fields: (b"", fields),
    "one record less": lambda body, fields: (
        body, {**fields, "records": str(int(fields["records"]) - 1), "gaps": str(int(fields.get("gaps", "0")) + 1)},
    ),
    "no number": lambda body, fields: (body, {**fields, "end": "x"}),
    "no metadata": lambda body, _: (body, {}),
}  # fmt: skip
UNREADABLE = {"no number", "no metadata"}
"""Damages after which the landed range is unknown."""


class Objects:
    """The landed objects of a user, to be damaged and repaired."""

    def __init__(self, user: Tenant) -> None:
        settings = user.settings
        self._s3: Any = boto3.client("s3", endpoint_url=settings.s3_endpoint, region_name=settings.region)
        self._bucket = user.names.bucket

    def fields(self, key: str) -> dict[str, str]:
        return self._s3.head_object(Bucket=self._bucket, Key=key)["Metadata"]

    @contextmanager
    def changed(self, key: str, change: Callable[[bytes, dict[str, str]], Body]) -> Iterator[None]:
        body, fields = self._read(key)
        self._write(key, *change(body, fields))
        yield
        self._write(key, body, fields)

    @contextmanager
    def deleted(self, key: str) -> Iterator[None]:
        body, fields = self._read(key)
        self._s3.delete_object(Bucket=self._bucket, Key=key)
        yield
        self._write(key, body, fields)

    @contextmanager
    def copied(self, key: str, foreign: str) -> Iterator[None]:
        self._write(foreign, *self._read(key))
        yield
        self._s3.delete_object(Bucket=self._bucket, Key=foreign)

    def _read(self, key: str) -> Body:
        stored = self._s3.get_object(Bucket=self._bucket, Key=key)
        return stored["Body"].read(), stored["Metadata"]

    def _write(self, key: str, body: bytes, fields: dict[str, str]) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, Metadata=fields)


def damage_a_table(user: Tenant) -> Iterator[object]:
    """Change cleaned/pin as others could; yield what its checks do not name, or a full refresh does not repair."""
    uri = user.names.cleaned_uri(PIN)
    before = user.business(PIN)
    for name, change in TABLE_CHANGES.items():
        change(DeltaTable(uri))
        failed, problems = failed_checks(user.materialize("cleaned/pin")), ledger_problems(user.materialize(LEDGER))
        print(name, failed, problems, flush=True)
        if COMMITS not in failed or problems:
            yield name, failed, problems
        refreshed = user.materialize("cleaned/pin", {"ops": {"cleaned__pin": {"config": {"full_refresh": True}}}})
        if COMMITS in failed_checks(refreshed) or user.business(PIN) != before:
            yield name, "full refresh", failed_checks(refreshed)


def append_first_row(table: DeltaTable) -> None:
    rows: pa.Table = table.to_pyarrow_table()
    write_deltalake(table, rows.slice(0, 1), mode="append")


def overwrite_with_half(table: DeltaTable) -> None:
    rows: pa.Table = table.to_pyarrow_table()
    write_deltalake(table, rows.slice(0, rows.num_rows // 2), mode="overwrite")


TABLE_CHANGES: dict[str, Callable[[DeltaTable], object]] = {
    "restore": lambda table: table.restore(table.version() - 1),
    "delete": lambda table: table.delete("ind % 2 = 0"),
    "update": lambda table: table.update({"title": "'changed'"}),
    "append": append_first_row,
    "overwrite": overwrite_with_half,
}
