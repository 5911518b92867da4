"""The fingerprint that lets a run leave a page alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pinterest_platform.page import TableVersion, render
from pinterest_platform.page import facts as facts_module
from pinterest_platform_tests.page.samples import facts, ordinary


def test_the_fingerprint_follows_everything_but_the_time_of_generation() -> None:
    time = datetime(2030, 1, 1, tzinfo=UTC)
    assert facts().fingerprint == facts(generated_at=time).fingerprint
    version, rows = (TableVersion("cleaned/pin", 4, 11154),), (TableVersion("cleaned/pin", 4, 11155),)
    changed = [facts(**{name: time}) for name in ("posts_from", "posts_to", "joined_from", "joined_to")]
    changed += [facts(joined_to=None), facts(tables=version), facts(tables=rows), facts()]
    assert len({found.fingerprint for found in changed}) == len(changed)


def test_the_fingerprint_changes_with_the_layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = facts().fingerprint
    (tmp_path / "page.css").write_text("body { color: red }")
    monkeypatch.setattr(facts_module, "files", lambda _: tmp_path)
    assert facts().fingerprint != before


def test_the_page_carries_its_fingerprint() -> None:
    assert f'<meta name="fingerprint" content="{facts().fingerprint}">' in render(ordinary(), facts())


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"PageFacts\.generated_at has no time zone"):
        facts(generated_at=datetime(2026, 1, 1))
