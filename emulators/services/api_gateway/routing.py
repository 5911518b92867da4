"""Matching a request to a path of the document like API Gateway: literal segments before names before greedy names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class Template:
    """A path template: `/streams/{name}`, or `/{proxy+}`, which matches one or more remaining segments.

    Args:
        text: the template.
    """

    def __init__(self, text: str) -> None:
        self.parts = text.strip("/").split("/") if text.strip("/") else []

    def match(self, parts: list[str]) -> tuple[tuple[int, ...], dict[str, str]] | None:
        """Match the segments of a path.

        Returns:
            A rank per segment (0 literal, 1 name, 2 greedy; the lowest is the best match), and the values of the names.
        """
        rank: list[int] = []
        values: dict[str, str] = {}
        for number, part in enumerate(self.parts):
            if part.startswith("{") and part.endswith("+}"):
                if number >= len(parts) or not any(parts[number:]):
                    return None
                return (*rank, 2), values | {part[1:-2]: "/".join(parts[number:])}
            if number >= len(parts):
                return None
            if part.startswith("{"):
                if not parts[number]:
                    return None
                values[part[1:-1]] = parts[number]
                rank.append(1)
            elif part == parts[number]:
                rank.append(0)
            else:
                return None
        return (tuple(rank), values) if len(parts) == len(self.parts) else None


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """A path with its methods; the method `ANY` matches all that are not listed."""

    template: Template
    methods: Mapping[str, T]


def find(routes: Iterable[Route[T]], method: str, path: str) -> tuple[T, dict[str, str]] | None:
    """Return the method that matches a request, with the values of the path's names; None if there is none.

    Args:
        routes: the routes of the document.
        method: the HTTP method.
        path: the path below the stage, percent-encoded as sent.
    """
    parts = path.removeprefix("/").split("/") if path not in ("", "/") else []
    matches = [(match, route) for route in routes if (match := route.template.match(parts)) is not None]
    if not matches:
        return None
    (_, values), route = min(matches, key=lambda candidate: candidate[0][0])
    operation = route.methods.get(method, route.methods.get("ANY"))
    return None if operation is None else (operation, values)
