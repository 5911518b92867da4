"""Replies of the gateway's stream API, and the meaning of its refusals (rules W7 to W11)."""

from typing import Any, NamedTuple

import orjson

from emulators.posting.gateway import Reply
from emulators.posting.routes import UnavailableError

_TRANSIENT = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "LimitExceededException",
        "KMSThrottlingException",
    }
)
"""Refusals of status 400 that are transient."""


class RefusedError(Exception):
    """A refusal by Kinesis that is permanent.

    Args:
        kind: the exception's name in Kinesis's API.
        problem: status and message, for users.
    """

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind


class Written(NamedTuple):
    """Result of one record of a batch: `sequence_number` if it was accepted, else `error`."""

    sequence_number: str
    error: str


def checked(reply: Reply) -> Reply:
    """Return the reply; raises UnavailableError or RefusedError if it is a refusal."""
    if reply.status == 200:
        return reply
    kind = _kind(reply.body)
    problem = f"{reply.problem} ({kind})" if kind else reply.problem
    if kind in _TRANSIENT:
        raise UnavailableError(problem)
    raise RefusedError(kind, problem)


def answer(reply: Reply, member: str) -> dict[str, Any]:
    """Return the object of a reply; raises UnavailableError if it lacks the member, as a truncated reply does."""
    try:
        document = orjson.loads(checked(reply).body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or document.get(member) is None:
        raise UnavailableError(f"the reply is not one of Kinesis: it lacks {member}")
    return document


def written(result: Any) -> Written:
    """Return the result of one record of PutRecords."""
    if not isinstance(result, dict):
        return Written("", "the reply has no result for this record")
    if result.get("ErrorCode") is None and result.get("SequenceNumber"):
        return Written(str(result["SequenceNumber"]), "")
    return Written("", f"{result.get('ErrorMessage') or 'no sequence number'} ({result.get('ErrorCode')})")


def _kind(body: bytes) -> str:
    """Return the exception's name in an error's body, without its namespace."""
    try:
        return str(orjson.loads(body)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return ""
