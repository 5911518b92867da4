"""Types of the catalog: entities, their fields and columns, and reports."""

from pinterest_platform.catalog.model.entities import KEY, Column, Entity, Field, Headline, Time, element_type
from pinterest_platform.catalog.model.reports import Format, Report, ReportColumn

__all__ = [
    "KEY",
    "Column",
    "Entity",
    "Field",
    "Format",
    "Headline",
    "Report",
    "ReportColumn",
    "Time",
    "element_type",
]
