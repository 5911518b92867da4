"""The page as one document: a template, a style sheet, and a policy under which the browser loads nothing."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pinterest_platform.catalog import REPORTS, Report
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.page.facts import PageFacts
from pinterest_platform.page.report_charts import Rows, draw
from pinterest_platform.page.svg_shapes import Picture
from pinterest_platform.page.wording import displayed, duration, moment, readable, stamp


@dataclass(frozen=True, slots=True)
class Section:
    """A report ready for the template: its declaration, its cells as text, its chart if it has rows.

    `problem` is the reason why the report cannot be shown; empty if it can.
    """

    report: Report
    cells: tuple[tuple[str, ...], ...]
    chart: Picture | None
    problem: str = ""


def document(reports: Mapping[str, Rows], facts: PageFacts) -> str:
    """Render the page; see `render` of this package."""
    unavailable = dict(facts.unavailable)
    for report in REPORTS:
        if report.key not in unavailable:
            _check_complete(report, reports)
    # Charts of other reports may use the rows of one that cannot be shown.
    reports = {**reports, **dict.fromkeys(unavailable, ())}
    style = files(__package__ or "").joinpath("page.css").read_text("utf-8")
    return (
        _environment()
        .get_template("page.html")
        .render(
            sections=[_section(report, reports, unavailable.get(report.key, "")) for report in REPORTS],
            facts=facts,
            style=Markup(style),  # noqa: S704  our own file, which the policy below names by its digest
            policy=_policy(style),
        )
    )


def _section(report: Report, reports: Mapping[str, Rows], problem: str) -> Section:
    rows = reports[report.key]
    cells = tuple(tuple(displayed(row[column.name], column) for column in report.columns) for row in rows)
    return Section(report, cells, draw(report, reports) if rows else None, problem)


def _check_complete(report: Report, reports: Mapping[str, Rows]) -> None:
    action = f"Materialize reports/{report.key}, then reports/page."
    if report.key not in reports:
        raise PermanentFailure(f"The page lacks report {report.key}.", action)
    for row in reports[report.key][:1]:
        if missing := [column.name for column in report.columns if column.name not in row]:
            raise PermanentFailure(f"The page lacks column {', '.join(missing)} of report {report.key}.", action)


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
    environment.filters |= {"duration": duration, "moment": moment, "stamp": stamp, "readable": readable}
    return environment
