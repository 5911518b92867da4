"""The charts that reports declare."""

from dataclasses import dataclass
from typing import Literal

from pinterest_platform.catalog.references import Reference

Form = Literal["bars", "ranked", "distribution", "columns", "heatmap"]
"""The form of a chart:

- `bars`: a horizontal bar for each row, in the order of the table
- `ranked`: a horizontal bar for each of the largest rows, with its share of the total
- `distribution`: the number of rows by the size of their value, with its share
- `columns`: an upright column for each row, for short labels such as years
- `heatmap`: a cell for each row, shaded by its value; lines are the labels, columns the values of `across`
"""

HEATMAP: Form = "heatmap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The chart of a report.

    Attributes:
        form: its form.
        value: the column that it measures.
        labels: the columns whose values name a bar, a column or a line of cells; a `distribution` needs none.
        across: the column with one column of cells for each value; only for `heatmap`.
        ties: rows of one value of the first label that `bars` shows at most; None for all.
        description: its text for screen readers, without the numbers.
        caption: the line below it. A note of the rows that the chart leaves out follows it.
    """

    form: Form
    value: str
    labels: tuple[str, ...] = ()
    across: str | None = None
    ties: int | None = None
    description: str
    caption: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the report that it shows."""
        return (self.value, *self.labels, *((self.across,) if self.across else ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomChart:
    """A chart that a function draws.

    Attributes:
        draw: function to a `page.svg_shapes.Picture`, from the rows of the report and those of each of `other_reports`.
        caption: the line below it.
        other_reports: the keys of the other reports that it draws.
    """

    draw: Reference
    caption: str
    other_reports: tuple[str, ...] = ()
