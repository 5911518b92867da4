"""Alerts and their senders."""

from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of a failure: the asset, op or sensor that failed, what failed, and what to do."""

    asset: str
    what: str
    action: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A permanent failure of a run, failed checks in a successful run, or a sensor that cannot read its streams.

    Attributes:
        key: an identifier that is equal for repeated alerts of one failure, so that a receiver can drop duplicates.
        job: the job that failed, or the sensor.
        day: the day of the schedule (UTC).
        attempts: the number of attempts.
        reason: the reason why it is not retried.
        run_id: the run of the last attempt; empty for a sensor.
        link: the address of that run, of the first asset beyond its limit, or of the sensors.
        causes: the failures in it.
        headline: the first sentence of the alert; without it, the day, the attempts and the reason are the first one.
    """

    key: str
    job: str
    day: date
    attempts: int
    reason: str
    run_id: str
    link: str
    causes: tuple[Cause, ...]
    headline: str = ""


class Notifier(Protocol):
    """A sender of alerts."""

    def notify(self, alert: Alert) -> None:
        """Send an alert.

        Raises:
            TransientFailure: the alert was not delivered, and must be retried.
        """
        ...
