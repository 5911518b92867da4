"""Run failures that name the asset, the cause and the next step."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pinterest_platform.failures import PlatformFailure, TransientFailure


@contextmanager
def as_dagster_failure(subject: str) -> Iterator[None]:
    """Turn a platform failure into a Dagster one that says what it was about.

    Args:
        subject: the asset, check or op at work, as the reader knows it.

    Raises:
        dagster.Failure: in a PlatformFailure's place; only a transient one may be retried.
    """
    try:
        yield
    except PlatformFailure as failure:
        transient = isinstance(failure, TransientFailure)
        raise dg.Failure(
            description=f"{subject}: {failure}",
            metadata={
                "asset": subject,
                "cause": failure.what,
                "next_step": failure.action,
                "kind": "transient" if transient else "permanent",
            },
            allow_retries=transient,
        ) from failure
