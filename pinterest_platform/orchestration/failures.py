"""Run failures that name the asset, the cause and the next step (rule D12)."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pinterest_platform.failures import PlatformFailure, TransientFailure


@contextmanager
def as_dagster_failure(subject: str, asset: str = "") -> Iterator[None]:
    """Turn a platform failure into a Dagster failure with its subject.

    Args:
        subject: the asset, check, op or job that is running, by the name in Dagster's UI.
        asset: what the failure concerns, if the subject is a job: its assets, or its op if it has none.

    Raises:
        dagster.Failure: instead of a PlatformFailure; only a transient one allows retries.
    """
    try:
        yield
    except PlatformFailure as failure:
        transient = isinstance(failure, TransientFailure)
        # The message is complete. Stacks and the errors below would be shown above it.
        failure.__cause__, failure.__suppress_context__ = None, True
        raise dg.Failure(
            description=f"{subject}: {failure}",
            metadata={
                "asset": asset or subject,
                "cause": failure.what,
                "next_step": failure.action,
                "kind": "transient" if transient else "permanent",
            },
            allow_retries=transient,
        ) from failure.with_traceback(None)
