"""Types of reports and their columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pinterest_platform.catalog.charts import HEATMAP, Chart, CustomChart
from pinterest_platform.catalog.model.declarations import check_names, refuse
from pinterest_platform.catalog.references import Reference

Format = Literal["text", "count", "median", "year"]
"""The notation of a report's values on the page."""

_FORMATS: dict[str, Format] = {"string": "text", "bigint": "count", "int": "count", "double": "median"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportColumn:
    """A column of a report. It has one argument for each part of the declaration.

    Attributes:
        name: its name in the table.
        type: its Spark type: `string`, `int`, `bigint` or `double`.
        heading: its heading on the page.
        description: its meaning, in one sentence.
        sources: the columns that it is made of or counted from, as `entity.column`.
        format: its notation on the page; by default that of its type.
        values: all values that it can have, in the order in which rows are sorted; empty for the natural order.
        shown_as: the text of a value on the page, if it is not the value itself.
        pii: whether it holds personal data as it is: counts, medians and groups do not.
    """

    name: str
    type: str
    heading: str
    description: str
    sources: tuple[str, ...] = ()
    format: Format | None = None
    values: tuple[str, ...] = ()
    shown_as: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    pii: bool = False

    def __post_init__(self) -> None:
        if self.type not in _FORMATS:
            refuse(f"The report column {self.name!r} has the unknown type {self.type!r}", f"Use {', '.join(_FORMATS)}.")

    @property
    def notation(self) -> Format:
        """Its notation on the page."""
        return self.format or _FORMATS[self.type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report on cleaned tables. It has one argument for each part of the declaration.

    Attributes:
        key: its name in tables, asset keys and anchors of the page. Reports of one key are equal.
        order: its place among the reports.
        title: its heading on the page.
        meaning: the contents of its rows, in one sentence.
        reads: the entities whose cleaned tables it reads.
        columns: its columns, in the order in which its rows are sorted; all but the last one are its key.
        rows: function from the cleaned tables (`transforms.reports.Tables`) to the rows. The rows need no order, and
            columns are cast to their type.
        chart: its chart.
        left_out: function from the cleaned tables to one row of counts: the rows that the report leaves out, by cause.

    Raises:
        PermanentFailure: the declaration contradicts itself.
    """

    key: str
    order: int = field(compare=False, repr=False)
    title: str = field(compare=False, repr=False)
    meaning: str = field(compare=False, repr=False)
    reads: tuple[str, ...] = field(compare=False, repr=False)
    columns: tuple[ReportColumn, ...] = field(compare=False, repr=False)
    rows: Reference = field(compare=False, repr=False)
    chart: Chart | CustomChart = field(compare=False, repr=False)
    left_out: Reference | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        subject = f"The report {self.key!r}"
        check_names(subject, "column", names)
        if len(names) < 2:
            refuse(f"{subject} has no measure", "Declare at least two columns: its key and its measure.")
        if isinstance(self.chart, Chart):
            self._check_chart(self.chart)

    def _check_chart(self, chart: Chart) -> None:
        subject = f"The chart of the report {self.key!r}"
        if (chart.across is not None) != (chart.form == HEATMAP):
            refuse(f"{subject} has the form {chart.form} and across {chart.across!r}", f"Use across for {HEATMAP}.")
        if not chart.labels and chart.form != "distribution":
            refuse(f"{subject} has no labels", "Name the columns that label a bar, a column or a line.")
        columns = [column.name for column in self.columns]
        if missing := [name for name in chart.columns if name not in columns]:
            refuse(f"{subject} uses {missing[0]!r}, which is not a column", "Declare it.")

    @property
    def column_types(self) -> tuple[tuple[str, str], ...]:
        """(name, type) of each column, in order."""
        return tuple((column.name, column.type) for column in self.columns)
