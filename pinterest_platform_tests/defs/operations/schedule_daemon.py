"""The daily schedule and its sensors as the daemon evaluates them, on a real instance, one call per tick."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg

from pinterest_platform.defs.operations.jobs import cancel_daily_retries
from pinterest_platform.defs.operations.schedules import daily
from pinterest_platform.defs.operations.sensors import daily_alerts, daily_retries
from pinterest_platform.orchestration.daily.history import JOB
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.runs import WRITER
from pinterest_platform.settings import Settings
from pinterest_platform.testing import FakeNotifier

LONG, SHORT = 1200.0, 0.2
"""Delays in seconds."""


def midnight() -> datetime:
    """Return a midnight whose day has time left for retries, whenever the test runs."""
    now = datetime.now(UTC)
    day = now + timedelta(days=1) if now.hour >= 22 else now
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


class Daemon:
    """The schedule, its two sensors, and runs that end as a test needs them to.

    Attributes:
        work: what the only op of the job does.
        job: the job that is run for a request.
        notifier: receives the alerts.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.notifier = FakeNotifier()
        self.work: Callable[[dg.OpExecutionContext], None] = lambda _: None
        self.job = self._one_op_job()

    def _one_op_job(self) -> dg.JobDefinition:
        @dg.op
        def work(context: dg.OpExecutionContext) -> None:
            with as_dagster_failure("raw/pin"):
                self.work(context)

        @dg.job(name=JOB, executor_def=dg.in_process_executor, tags=WRITER)
        def one_op() -> None:
            work()

        return one_op

    def run(self, tags: dict[str, str] | None = None) -> dg.DagsterRun:
        """Run the job to its end."""
        result = self.job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False)
        return self.run_by_id(result.run_id)

    def run_by_id(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def midnight(self, at: datetime | None = None) -> dg.DagsterRun:
        """Evaluate the schedule, which reads no settings, and run its request."""
        request = daily(dg.build_schedule_context(self.instance, scheduled_execution_time=at or midnight()))
        run = self._response(request)
        assert isinstance(run, dg.DagsterRun)
        return run

    def retries(self, delay: float) -> dg.DagsterRun | str:
        """Evaluate `daily_retries`: the run that it started, or its reason to skip."""
        with dg.build_sensor_context(instance=self.instance, resources={"settings": self.settings(delay)}) as context:
            return self._response(daily_retries(context))

    def retried(self) -> dg.DagsterRun:
        """Evaluate `daily_retries` until a short delay is over."""
        while isinstance(run := self.retries(SHORT), str):
            assert "is requested in" in run
        return run

    def alerts(self, delay: float = LONG) -> str:
        """Evaluate `daily_alerts`."""
        resources = {"alerting": self.settings(delay), "notifier": self.notifier}
        with dg.build_sensor_context(instance=self.instance, resources=resources) as context:
            response = daily_alerts(context)
        assert isinstance(response, dg.SkipReason)
        return str(response.skip_message)

    def cancel(self) -> None:
        """Run `cancel_daily_retries`."""
        assert cancel_daily_retries.execute_in_process(instance=self.instance).success

    def settings(self, delay: float) -> Settings:
        return Settings.model_validate(
            {
                "KAFKA_BOOTSTRAP_SERVERS": "nowhere:1",
                "PINTEREST_USER_ID": "u",
                "PINTEREST_RETRY_DELAY_SECONDS": delay,
                "PINTEREST_UI_URL": "http://ui.example/",
            }
        )

    def _response(self, response: object) -> dg.DagsterRun | str:
        if isinstance(response, dg.SkipReason):
            return str(response.skip_message)
        assert isinstance(response, dg.RunRequest)
        assert not response.run_config
        return self.run(dict(response.tags))
