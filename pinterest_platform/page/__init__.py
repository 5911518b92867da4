"""The report page: the nine reports as one self-contained HTML file (SPEC 7).

Pure: rows and facts go in, text comes out; no clock, no store, no network.
The libraries are imported on the first rendering.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pinterest_platform.page.facts import PageFacts, TableVersion

__all__ = ["PageFacts", "TableVersion", "render"]


def render(reports: Mapping[str, Sequence[Mapping[str, Any]]], facts: PageFacts) -> str:
    """Render the page: the same arguments give the same text, byte for byte.

    Args:
        reports: the rows of each of `entities.REPORT_KEYS`, in the order in which the report lists them (SPEC 7).
        facts: when the page was made, and of what.

    Raises:
        PermanentFailure: a report is missing, or a row lacks a column that the page shows.
    """
    from pinterest_platform.page.document import document

    return document(reports, facts)
