"""Reading the API document."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from emulators.services.api_gateway import document
from emulators.services.api_gateway.service import DOCUMENT, STAGE


def written(folder: Path, change: Any) -> Path:
    told = yaml.safe_load(DOCUMENT.read_text())
    change(told)
    path = folder / "openapi.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


def test_the_projects_document_says_stage_key_and_routes() -> None:
    api = document.read(DOCUMENT)

    assert api.stage == STAGE
    proxy = next(route for route in api.routes if route.template.parts == ["{proxy+}"])
    assert proxy.methods["ANY"].key_header == b"x-api-key"
    assert proxy.methods["OPTIONS"].key_header is None
    assert proxy.methods["ANY"].integration["uri"] == "http://${stageVariables.kafkaRestEndpoint}/{proxy}"


def test_the_projects_document_holds_only_extensions_that_amazon_knows() -> None:
    known = {
        "x-amazon-apigateway-any-method",
        "x-amazon-apigateway-api-key-source",
        "x-amazon-apigateway-gateway-responses",
        "x-amazon-apigateway-integration",
    }

    def names(part: Any) -> set[str]:
        if isinstance(part, dict):
            return {name for name in part if str(name).startswith("x-")}.union(*map(names, part.values()))
        return set().union(*map(names, part)) if isinstance(part, list) else set()

    assert names(yaml.safe_load(DOCUMENT.read_text())) <= known


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda told: told.update(openapi="2.0"), "version 2.0"),
        (lambda told: told.pop("servers"), "basePath"),
        (
            lambda told: told["paths"]["/{proxy+}"]["options"].pop("x-amazon-apigateway-integration"),
            "OPTIONS /{proxy+}",
        ),
        (lambda told: told["components"].pop("securitySchemes"), "security scheme api_key"),
        (
            lambda told: told["x-amazon-apigateway-gateway-responses"]["DEFAULT_4XX"].update(
                responseParameters={"gatewayresponse.header.A": "method.request.header.B"}
            ),
            "DEFAULT_4XX",
        ),
    ],
)
def test_what_cannot_be_executed_is_refused_by_name(tmp_path: Path, change: Any, named: str) -> None:
    with pytest.raises(document.DocumentError, match=named.replace("{", r"\{").replace("+", r"\+")):
        document.read(written(tmp_path, change))


def test_a_document_that_is_missing_or_no_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    with pytest.raises(document.DocumentError, match=r"openapi\.yaml"):
        document.read(path)
    path.write_text("{")
    with pytest.raises(document.DocumentError, match=r"openapi\.yaml"):
        document.read(path)
