"""Each file of a folder declares one thing, and an error names the file that does not."""

import sys
from pathlib import Path

import pytest

from pinterest_platform.catalog.discovery import declarations
from pinterest_platform.catalog.model import Entity
from pinterest_platform.failures import PermanentFailure

DECLARATION = """
from pinterest_platform.catalog.model import Column, Entity, Field
key = Column(name="ind", type="bigint", description="Key.")
ENTITY = Entity(name="{name}", order={order}, description="X.", key_field="ind", fields=(Field("ind"),), columns=(key,))
"""


def declared_names(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> list[str]:
    """Return the names of the entities that a package of these files declares."""
    package = folder / f"declared_{folder.name}"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, content in files.items():
        (package / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(str(folder))
    try:
        return [entity.name for entity in declarations(package.name, [str(package)], "ENTITY", Entity, "name")]
    finally:
        for module in [name for name in sys.modules if name.partition(".")[0] == package.name]:
            del sys.modules[module]


def test_declarations_are_ordered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: DECLARATION.format(name=name, order=order) for name, order in (("a", 2), ("b", 1), ("c", 3))}
    assert declared_names(tmp_path, monkeypatch, **files) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": ""}, r"a\.py declares no Entity\. Assign one to ENTITY"),
        ({"a": DECLARATION.format(name="b", order=1)}, r"a\.py declares the name 'b'\. Name the file after the name"),
        (
            {name: DECLARATION.format(name=name, order=1) for name in ("a", "b")},
            r"a and b have the same order 1\. Give one of them another `order`",
        ),
    ],
)
def test_a_wrong_declaration_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], message: str
) -> None:
    with pytest.raises(PermanentFailure, match=message):
        declared_names(tmp_path, monkeypatch, **files)
