"""What the daemon does with the daily schedule and its sensors, on a real instance, one call a tick."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg

from pinterest_platform.defs.operations.jobs import cancel_daily_retries
from pinterest_platform.defs.operations.sensors import daily_alerts, daily_retries
from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.daily.history import JOB
from pinterest_platform.orchestration.daily.requests import daily_request
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.runs import WRITER
from pinterest_platform.ports import Alert
from pinterest_platform.settings import Settings

LONG, SHORT = 1200.0, 0.2
"""Delays in seconds."""


def midnight() -> datetime:
    """A midnight whose day has time left for retries, whenever the test runs."""
    now = datetime.now(UTC)
    day = now + timedelta(days=1) if now.hour >= 22 else now
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


class FakeNotifier:
    """Remembers what it told; `silent` as long as nobody can be told."""

    def __init__(self) -> None:
        self.told: list[Alert] = []
        self.silent = False

    def notify(self, alert: Alert) -> None:
        if self.silent:
            raise TransientFailure("The webhook answered 500.", "Try again.")
        self.told.append(alert)


class Daemon:
    """The schedule, its two sensors, and runs that end as a test wants them to.

    Attributes:
        work: what the only op of the stand-in job does.
        job: what is run in answer to a request.
        notifier: who is told.
        engine: PINTEREST_SPARK_ENGINE.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.engine = "sail"
        self.notifier = FakeNotifier()
        self.work: Callable[[dg.OpExecutionContext], None] = lambda _: None
        self.job = self._stand_in()

    def _stand_in(self) -> dg.JobDefinition:
        @dg.op
        def work(context: dg.OpExecutionContext) -> None:
            with as_dagster_failure("raw/pin"):
                self.work(context)

        @dg.job(name=JOB, executor_def=dg.in_process_executor, tags=WRITER)
        def stand_in() -> None:
            work()

        return stand_in

    def run(self, tags: dict[str, str] | None = None) -> dg.DagsterRun:
        """Run the job to its end."""
        done = self.job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)
        return self.seen(done.run_id)

    def seen(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def midnight(self, at: datetime | None = None) -> dg.DagsterRun | str:
        """A tick of the schedule: the run that it started, or why it skipped."""
        return self._answer(daily_request(self.instance, at or midnight(), lambda: self.engine))

    def retries(self, delay: float) -> dg.DagsterRun | str:
        """A tick of `daily_retries`: the run that it started, or why it skipped."""
        with dg.build_sensor_context(instance=self.instance, resources={"settings": self._settings(delay)}) as context:
            return self._answer(daily_retries(context))

    def retried(self) -> dg.DagsterRun:
        """The next attempt, after a short delay."""
        while isinstance(found := self.retries(SHORT), str):
            assert "is requested in" in found
        return found

    def alerts(self, delay: float = LONG) -> str:
        """A tick of `daily_alerts`."""
        resources = {"alerting": self._settings(delay), "notifier": self.notifier}
        with dg.build_sensor_context(instance=self.instance, resources=resources) as context:
            told = daily_alerts(context)
        assert isinstance(told, dg.SkipReason)
        return str(told.skip_message)

    def cancel(self) -> None:
        """A person runs `cancel_daily_retries`."""
        assert cancel_daily_retries.execute_in_process(instance=self.instance).success

    def _answer(self, told: object) -> dg.DagsterRun | str:
        if isinstance(told, dg.SkipReason):
            return str(told.skip_message)
        assert isinstance(told, dg.RunRequest)
        assert not told.run_config
        return self.run(dict(told.tags))

    def _settings(self, delay: float) -> Settings:
        return Settings.model_validate(
            {
                "KAFKA_BOOTSTRAP_SERVERS": "nowhere:1",
                "PINTEREST_USER_ID": "u",
                "PINTEREST_SPARK_ENGINE": self.engine,
                "PINTEREST_RETRY_DELAY_SECONDS": delay,
                "PINTEREST_UI_URL": "http://ui.example/",
            }
        )
