"""Responses of the gateway's stream API, and the meaning of its refusals (rules W7 to W11)."""

from typing import Any, NamedTuple

import orjson

from emulators.posting.gateway import Response
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


class PutResult(NamedTuple):
    """Result of one record of a batch: `sequence_number` if it was accepted, else `error`."""

    sequence_number: str
    error: str


def checked(response: Response) -> Response:
    """Return the response; raises UnavailableError or RefusedError if it is a refusal."""
    if response.status == 200:
        return response
    kind = _kind(response.body)
    problem = f"{response.problem} ({kind})" if kind else response.problem
    if kind in _TRANSIENT:
        raise UnavailableError(problem)
    raise RefusedError(kind, problem)


def parse_response(response: Response, member: str) -> dict[str, Any]:
    """Return the object of a response; raises UnavailableError if it lacks the member, as a truncated response does."""
    try:
        document = orjson.loads(checked(response).body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict) or document.get(member) is None:
        raise UnavailableError(f"the response is not one of Kinesis: it lacks {member}")
    return document


def parse_result(result: Any) -> PutResult:
    """Return the result of one record of PutRecords."""
    if not isinstance(result, dict):
        return PutResult("", "the response has no result for this record")
    if result.get("ErrorCode") is None and result.get("SequenceNumber"):
        return PutResult(str(result["SequenceNumber"]), "")
    return PutResult("", f"{result.get('ErrorMessage') or 'no sequence number'} ({result.get('ErrorCode')})")


def _kind(body: bytes) -> str:
    """Return the exception's name in an error's body, without its namespace."""
    try:
        return str(orjson.loads(body)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return ""
