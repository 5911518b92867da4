"""`.env.example` and the settings say the same: every variable once, with its meaning and its default."""

import re
from pathlib import Path

from pinterest_platform.settings import Settings

LINES = (Path(__file__).parents[1] / ".env.example").read_text("utf-8").splitlines()
ALIASES = {str(field.alias): field for field in Settings.model_fields.values()}


def _listed() -> dict[str, tuple[str, list[str], bool]]:
    """Each variable's example, the comment above it, and whether it stands ready to be read."""
    found: dict[str, tuple[str, list[str], bool]] = {}
    comment: list[str] = []
    for line in LINES:
        if match := re.fullmatch(r"(# )?([A-Z][A-Z0-9_]*)=(.*)", line):
            assert match[2] not in found, f"{match[2]} stands twice"
            found[match[2]] = (match[3], comment, match[1] is None)
        comment = [*comment, line.removeprefix("# ")] if line.startswith("#") else []
    return found


def test_every_variable_of_the_settings_stands_in_the_file_and_no_other() -> None:
    assert sorted(_listed()) == sorted(ALIASES)


def test_every_variable_has_its_meaning_and_its_default() -> None:
    for name, (_, comment, ready) in _listed().items():
        field = ALIASES[name]
        *meaning, default = comment
        assert meaning, f"{name} lacks its meaning"
        if field.is_required():
            assert (default, ready) == ("Required.", True), name
        elif name == "PINTEREST_BUCKET":
            assert default == "Default: user-<user id>-bucket"
        else:
            assert (default, ready) == (f"Default: {field.default or 'none'}", False), name


def test_the_examples_are_valid_together() -> None:
    settings = Settings.model_validate({name: example for name, (example, _, _) in _listed().items()})
    assert settings.names.bucket == Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "x:1"}).names.bucket
