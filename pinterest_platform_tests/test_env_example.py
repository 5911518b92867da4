"""`.env.example` agrees with the settings: every variable once, with its meaning and its default."""

import re
from pathlib import Path

import pytest

from pinterest_platform.settings import Settings

LINES = (Path(__file__).parents[1] / ".env.example").read_text("utf-8").splitlines()
ALIASES = {str(field.alias): field for field in Settings.model_fields.values()}


def _listed() -> dict[str, tuple[str, list[str], bool]]:
    """Return each variable's example, the comment above it, and whether it is active."""
    variables: dict[str, tuple[str, list[str], bool]] = {}
    comment: list[str] = []
    for line in LINES:
        if match := re.fullmatch(r"(# )?([A-Z][A-Z0-9_]*)=(.*)", line):
            assert match[2] not in variables, f"{match[2]} is listed twice"
            variables[match[2]] = (match[3], comment, match[1] is None)
        comment = [*comment, line.removeprefix("# ")] if line.startswith("#") else []
    return variables


def test_the_file_lists_exactly_the_variables_of_the_settings() -> None:
    assert sorted(_listed()) == sorted(ALIASES)


def test_every_variable_has_a_meaning_and_a_default() -> None:
    for name, (_, comment, active) in _listed().items():
        field = ALIASES[name]
        *meaning, default = comment
        assert meaning, f"{name} lacks its meaning"
        if field.is_required():
            assert (default, active) == ("Required.", True), name
        elif name == "PINTEREST_BUCKET":
            assert default == "Default: user-<user id>-bucket"
        else:
            assert (default, active) == (f"Default: {field.default or 'none'}", False), name


@pytest.mark.parametrize("by_reference", [False, True], ids=["secrets", "references"])
def test_the_examples_are_valid_together(by_reference: bool) -> None:
    # A secret and its reference exclude each other.
    fields = {str(field.alias): name for name, field in Settings.model_fields.items()}
    secrets = {name.removesuffix("_secret") for name in Settings.model_fields if name.endswith("_secret")}
    excluded = secrets if by_reference else {f"{name}_secret" for name in secrets}
    examples = {name: example for name, (example, _, _) in _listed().items() if fields[name] not in excluded}
    settings = Settings.model_validate(examples)
    assert all(settings.has_secret(name) for name in secrets)
    assert settings.names.bucket == Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "x:1"}).names.bucket
