"""The report page: every report in one self-contained HTML file (rule R10).

It is a pure function of rows and facts: no clock, no store, no network. The libraries are imported on the first
rendering.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pinterest_platform.page.changes import PreviousVersion, ReportHistory
from pinterest_platform.page.facts import HeadlineNumber, PageFacts, TableVersion, TimeRange

__all__ = ["HeadlineNumber", "PageFacts", "PreviousVersion", "ReportHistory", "TableVersion", "TimeRange", "render"]


def render(
    reports: Mapping[str, Sequence[Mapping[str, Any]]],
    facts: PageFacts,
    histories: Mapping[str, ReportHistory] | None = None,
) -> str:
    """Render the page: the same arguments give the same text, byte for byte.

    Args:
        reports: the rows of every report of the catalog, in the order of the report (rule R8).
        facts: the time at which the page is made, and the data that it is made from.
        histories: key of each report to the version of its rows; without one, the version is unknown.

    Raises:
        PermanentFailure: a report is missing, or a row lacks a column that the page shows.
    """
    from pinterest_platform.page.document import document

    return document(reports, facts, histories or {})
