"""Puts the page together: one template, one style sheet, and a policy that lets the browser load nothing."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pinterest_platform.catalog import REPORT_KEYS
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.page.catalogue import CATALOGUE, Report, Rows
from pinterest_platform.page.charts import Chart
from pinterest_platform.page.facts import PageFacts
from pinterest_platform.page.wording import moment, readable, stamp, written


@dataclass(frozen=True, slots=True)
class Section:
    """One report, ready for the template: its key, how it is shown, its cells as text, its chart if it has rows."""

    key: str
    report: Report
    cells: tuple[tuple[str, ...], ...]
    chart: Chart | None


def document(reports: Mapping[str, Rows], facts: PageFacts) -> str:
    """The whole page as text; see `render` of this package."""
    _all_there(reports)
    style = files(__package__ or "").joinpath("page.css").read_text("utf-8")
    return (
        _environment()
        .get_template("page.html")
        .render(
            sections=[_section(key, reports) for key in REPORT_KEYS],
            facts=facts,
            style=Markup(style),  # noqa: S704  our own file, which the policy below names by its digest
            policy=_policy(style),
        )
    )


def _section(key: str, reports: Mapping[str, Rows]) -> Section:
    report, rows = CATALOGUE[key], reports[key]
    cells = tuple(tuple(written(row[column.name], column.kind) for column in report.columns) for row in rows)
    return Section(key, report, cells, report.chart(rows, reports) if rows else None)


def _all_there(reports: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for key in REPORT_KEYS:
        lacking = [
            column.name
            for row in reports.get(key, ())[:1]
            for column in CATALOGUE[key].columns
            if column.name not in row
        ]
        if key not in reports or lacking:
            raise PermanentFailure(
                f"The page lacks {'column ' + ', '.join(lacking) + ' of ' if lacking else ''}report {key}.",
                f"Materialize reports/{key}, then reports/page.",
            )


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pinterest_platform.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "stamp": stamp, "readable": readable}
    return environment
