"""Every decision record has a status, and the list shows it."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
_REFERENCE = r"\[([0-9]{4})\]\((\1-[a-z0-9-]+\.md)\)"


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_a_status_that_the_list_repeats(path: Path) -> None:
    title, _, status, *_ = path.read_text("utf-8").splitlines()
    references = re.findall(_REFERENCE, status)
    assert re.match(r"Status: (accepted|proposed|(superseded|amended) by \[)", status)
    assert bool(references) == (status not in ("Status: accepted", "Status: proposed"))
    assert all(number > path.stem[:4] and (FOLDER / name).exists() for number, name in references)
    listed = next(line for line in (FOLDER / "README.md").read_text("utf-8").splitlines() if f"({path.name})" in line)
    cells = [cell.strip() for cell in listed.strip("|").split("|")]
    plain = re.sub(r" \([^)]*\)", "", re.sub(_REFERENCE, r"\1", status.removeprefix("Status: ")))
    assert cells[1:] == [title[len("# 0000 ") :], plain]
