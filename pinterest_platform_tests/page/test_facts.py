"""The fingerprint of a page, which changes with everything that the page shows."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pinterest_platform import source_files
from pinterest_platform.page import HeadlineNumber, TableVersion, TimeRange, render
from pinterest_platform_tests.page.samples import facts, ordinary


def test_the_fingerprint_follows_everything_but_the_time_of_generation() -> None:
    time = datetime(2030, 1, 1, tzinfo=UTC)
    assert facts().fingerprint == facts(generated_at=time, earlier=(time.date(),)).fingerprint
    version, rows = (TableVersion("cleaned/pin", 4, 11154),), (TableVersion("cleaned/pin", 4, 11155),)
    posts, joined = facts().ranges
    ranges = [(replace(posts, first=time), joined), (replace(posts, last=time), joined)]
    ranges += [(posts, replace(joined, first=time)), (posts, replace(joined, last=time))]
    ranges += [(posts, replace(joined, last=None)), (posts, replace(joined, label="Members joined"))]
    changed = [*(facts(ranges=pair) for pair in ranges), facts(tables=version), facts(tables=rows), facts()]
    changed += [facts(headlines=(HeadlineNumber("Posts", number),)) for number in (None, 0, 1)]
    changed += [facts(newest_arrival=time)]
    assert len({variant.fingerprint for variant in changed}) == len(changed)


def test_the_fingerprint_changes_with_the_layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = facts().fingerprint
    monkeypatch.setattr(source_files, "files", lambda _: tmp_path)
    fingerprints = {before}
    for name in ("page/page.css", "catalog/model/reports.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("body { color: red }")
        fingerprints.add(facts().fingerprint)
    assert len(fingerprints) == 3


def test_the_page_carries_its_fingerprint() -> None:
    assert f'<meta name="fingerprint" content="{facts().fingerprint}">' in render(ordinary(), facts())


def test_a_time_without_a_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"PageFacts\.generated_at has no time zone"):
        facts(generated_at=datetime(2026, 1, 1))
    for times in ((datetime(2026, 1, 1), None), (None, datetime(2026, 1, 1))):
        with pytest.raises(ValueError, match=r"TimeRange\.(first|last) \(Posts made\) has no time zone"):
            TimeRange("Posts made", *times)
