"""Matching a request to a path of the document."""

from typing import Any

import pytest

from emulators.services.api_gateway.routing import Route, Template, find


def routes(**methods_by_template: Any) -> list[Route[str]]:
    return [
        Route(Template(template), {method: f"{method} {template}" for method in methods})
        for template, methods in methods_by_template.items()
    ]


API = routes(
    **{
        "/{proxy+}": ["ANY", "OPTIONS"],
        "/streams": ["GET"],
        "/streams/{name}": ["GET", "POST"],
        "/streams/{name}/record": ["PUT"],
        "/streams/{name}/{proxy+}": ["ANY"],
    }
)


@pytest.mark.parametrize(
    ("method", "path", "expected", "values"),
    [
        ("GET", "/streams", "GET /streams", {}),
        ("GET", "/streams/a", "GET /streams/{name}", {"name": "a"}),
        ("PUT", "/streams/a/record", "PUT /streams/{name}/record", {"name": "a"}),
        ("PUT", "/streams/a/b/c", "ANY /streams/{name}/{proxy+}", {"name": "a", "proxy": "b/c"}),
        ("POST", "/topics/u.pin", "ANY /{proxy+}", {"proxy": "topics/u.pin"}),
        ("OPTIONS", "/topics/u.pin", "OPTIONS /{proxy+}", {"proxy": "topics/u.pin"}),
        ("GET", "/topics/a%2Fb", "ANY /{proxy+}", {"proxy": "topics/a%2Fb"}),
        ("GET", "/topics/", "ANY /{proxy+}", {"proxy": "topics/"}),
    ],
)
def test_the_most_literal_path_wins_and_its_names_are_filled(
    method: str, path: str, expected: str, values: dict[str, str]
) -> None:
    assert find(API, method, path) == (expected, values)


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/streams"), ("GET", "/"), ("GET", "")])
def test_a_method_that_the_best_path_lacks_and_the_bare_stage_match_no_route(method: str, path: str) -> None:
    assert find(API, method, path) is None


def test_a_greedy_name_needs_at_least_one_segment() -> None:
    assert Template("/a/{rest+}").match(["a"]) is None
    assert Template("/a/{rest+}").match(["a", ""]) is None
    assert Template("/a/{rest+}").match(["a", "b"]) is not None
