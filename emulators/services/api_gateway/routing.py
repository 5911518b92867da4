"""Finding the path of a document that a request means, as API Gateway does: literal parts before names before greed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class Template:
    """A path template: `/streams/{name}`, or `/{proxy+}` that takes all that is left, at least one part.

    Args:
        text: the template.
    """

    def __init__(self, text: str) -> None:
        self.parts = text.strip("/").split("/") if text.strip("/") else []

    def match(self, parts: list[str]) -> tuple[tuple[int, ...], dict[str, str]] | None:
        """How the parts of a path fit.

        Returns:
            A rank, part by part (0 literal, 1 name, 2 greedy; the lowest fits best), and the values of the names.
        """
        rank: list[int] = []
        values: dict[str, str] = {}
        for number, wanted in enumerate(self.parts):
            if wanted.startswith("{") and wanted.endswith("+}"):
                if number >= len(parts) or not any(parts[number:]):
                    return None
                return (*rank, 2), values | {wanted[1:-2]: "/".join(parts[number:])}
            if number >= len(parts):
                return None
            if wanted.startswith("{"):
                if not parts[number]:
                    return None
                values[wanted[1:-1]] = parts[number]
                rank.append(1)
            elif wanted == parts[number]:
                rank.append(0)
            else:
                return None
        return (tuple(rank), values) if len(parts) == len(self.parts) else None


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """A path with its methods; the method `ANY` stands for those not named."""

    template: Template
    methods: Mapping[str, T]


def find(routes: Iterable[Route[T]], method: str, path: str) -> tuple[T, dict[str, str]] | None:
    """The method that a request means, with the values of the path's names; None where there is none.

    Args:
        routes: the paths.
        method: the HTTP method.
        path: the path below the stage, percent-encoded as sent.
    """
    parts = path.removeprefix("/").split("/") if path not in ("", "/") else []
    fits = [(match, route) for route in routes if (match := route.template.match(parts)) is not None]
    if not fits:
        return None
    (_, values), route = min(fits, key=lambda fit: fit[0][0])
    found = route.methods.get(method, route.methods.get("ANY"))
    return None if found is None else (found, values)
