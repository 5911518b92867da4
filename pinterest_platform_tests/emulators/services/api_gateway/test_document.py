"""Reading the API document."""

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from openapi_spec_validator import validate

from emulators.services.api_gateway import document
from emulators.services.api_gateway.aws import IMPORT_VARIABLES
from emulators.services.api_gateway.service import DOCUMENT, STAGE


def changed_document(folder: Path, change: Any) -> Path:
    content = yaml.safe_load(DOCUMENT.read_text())
    change(content)
    path = folder / "openapi.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_projects_document_has_stage_key_and_routes() -> None:
    api = document.read(DOCUMENT)

    assert api.stage == STAGE
    proxy = next(route for route in api.routes if route.template.parts == ["{proxy+}"])
    assert proxy.methods["ANY"].key_header == b"x-api-key"
    assert proxy.methods["OPTIONS"].key_header is None
    assert proxy.methods["ANY"].integration["uri"] == "http://${stageVariables.kafkaRestEndpoint}/{proxy}"


def operations() -> list[tuple[str, dict[str, Any]]]:
    """Return every operation of the project's document that calls a service of Amazon's."""
    content = yaml.safe_load(DOCUMENT.read_text())
    operations_of_services = [
        (f"{method} {path}", operation)
        for path, methods in content["paths"].items()
        for method, operation in methods.items()
        if operation["x-amazon-apigateway-integration"]["type"] == "aws"
    ]
    assert len(operations_of_services) == 8
    return operations_of_services


@pytest.mark.parametrize(("where", "operation"), operations())
def test_each_action_requires_the_key_and_declares_every_status_that_it_maps(
    where: str, operation: dict[str, Any]
) -> None:
    integration = operation["x-amazon-apigateway-integration"]
    mapped = {response["statusCode"] for response in integration["responses"].values()}

    assert operation["security"] == [{"api_key": []}], where
    assert set(operation["responses"]) == mapped
    for pattern, response in integration["responses"].items():
        assert response["statusCode"] == ("502" if pattern == "default" else pattern)
        declared = operation["responses"][response["statusCode"]]["headers"]
        assert {f"method.response.header.{name}" for name in declared} == set(response["responseParameters"])


@pytest.mark.parametrize(("where", "operation"), operations())
def test_each_action_has_one_template_under_both_content_types(where: str, operation: dict[str, Any]) -> None:
    integration = operation["x-amazon-apigateway-integration"]

    assert set(integration["requestTemplates"]) == {"application/json", "application/x-amz-json-1.1"}, where
    assert len(set(integration["requestTemplates"].values())) == 1
    assert integration["passthroughBehavior"] == "never"


@pytest.mark.parametrize(("where", "operation"), operations())
def test_each_parameter_that_a_template_uses_is_declared(where: str, operation: dict[str, Any]) -> None:
    template = operation["x-amazon-apigateway-integration"]["requestTemplates"]["application/json"]
    used = set(re.findall(r"params\('([^']+)'\)", template))

    assert used <= {parameter["name"] for parameter in operation.get("parameters", ())}, where


STRICT = DOCUMENT.read_text().replace("/{proxy+}:", "/{proxy}:")
"""The document without a greedy parameter: Amazon names it "proxy", and OpenAPI requires the name "proxy+"."""


MOTO = {"AWS::AccountId": "123456789012"}


def test_the_projects_document_is_valid_openapi() -> None:
    validate(yaml.safe_load(STRICT))


def test_the_kinesis_route_can_be_imported_into_another_api_gateway() -> None:
    content = yaml.safe_load(re.sub(r"\$\{(AWS::\w+)\}", lambda match: {**IMPORT_VARIABLES, **MOTO}[match[1]], STRICT))
    del content["paths"]["/{proxy}"]  # moto supports neither ANY nor integrations without a backend
    for methods in content["paths"].values():
        del methods["options"]
    with mock_aws():
        client = boto3.client("apigateway", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        imported = client.import_rest_api(body=yaml.safe_dump(content).encode(), failOnWarnings=True)
        resources = client.get_resources(restApiId=imported["id"])["items"]

    methods = {(resource["path"], method) for resource in resources for method in resource.get("resourceMethods", {})}
    assert methods == {(path, name.upper()) for path, operations in content["paths"].items() for name in operations}


def test_the_projects_document_has_only_extensions_of_amazon() -> None:
    expected = {
        "x-amazon-apigateway-any-method",
        "x-amazon-apigateway-api-key-source",
        "x-amazon-apigateway-gateway-responses",
        "x-amazon-apigateway-integration",
    }

    def names(part: Any) -> set[str]:
        if isinstance(part, dict):
            return {name for name in part if str(name).startswith("x-")}.union(*map(names, part.values()))
        return set().union(*map(names, part)) if isinstance(part, list) else set()

    assert names(yaml.safe_load(DOCUMENT.read_text())) <= expected


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda content: content.update(openapi="2.0"), "version 2.0"),
        (lambda content: content.pop("servers"), "basePath"),
        (
            lambda content: content["paths"]["/{proxy+}"]["options"].pop("x-amazon-apigateway-integration"),
            "OPTIONS /{proxy+}",
        ),
        (lambda content: content["components"].pop("securitySchemes"), "security scheme api_key"),
        (
            lambda content: content["x-amazon-apigateway-gateway-responses"]["DEFAULT_4XX"].update(
                responseParameters={"gatewayresponse.header.A": "method.request.header.B"}
            ),
            "DEFAULT_4XX",
        ),
    ],
)
def test_an_unsupported_part_is_rejected_by_name(tmp_path: Path, change: Any, named: str) -> None:
    with pytest.raises(document.DocumentError, match=named.replace("{", r"\{").replace("+", r"\+")):
        document.read(changed_document(tmp_path, change))


def test_a_missing_or_invalid_document_is_named(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    with pytest.raises(document.DocumentError, match=r"openapi\.yaml"):
        document.read(path)
    path.write_text("{")
    with pytest.raises(document.DocumentError, match=r"openapi\.yaml"):
        document.read(path)
