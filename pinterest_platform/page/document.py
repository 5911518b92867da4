"""The page as one document: a template, a style sheet, a script, and a policy under which the browser loads nothing."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pinterest_platform.catalog import REPORTS, Report
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.page.changes import ReportHistory
from pinterest_platform.page.facts import PageFacts
from pinterest_platform.page.report_charts import Rows
from pinterest_platform.page.sections import section
from pinterest_platform.page.wording import duration, moment, readable, stamp


def document(reports: Mapping[str, Rows], facts: PageFacts, histories: Mapping[str, ReportHistory]) -> str:
    """Render the page; see `render` of this package."""
    unavailable = dict(facts.unavailable)
    for report in REPORTS:
        if report.key not in unavailable:
            _check_complete(report, reports)
    # Charts of other reports may use the rows of one that cannot be shown.
    reports = {**reports, **dict.fromkeys(unavailable, ())}
    style, script = _own_file("page.css"), _own_file("page.js")
    return (
        _environment()
        .get_template("page.html")
        .render(
            sections=[section(report, reports, histories, unavailable.get(report.key, "")) for report in REPORTS],
            facts=facts,
            style=style,
            script=script,
            policy=f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
            "base-uri 'none'; form-action 'none'",
        )
    )


def _check_complete(report: Report, reports: Mapping[str, Rows]) -> None:
    action = f"Materialize reports/{report.key}, then reports/page."
    if report.key not in reports:
        raise PermanentFailure(f"The page lacks report {report.key}.", action)
    for row in reports[report.key][:1]:
        if missing := [column.name for column in report.columns if column.name not in row]:
            raise PermanentFailure(f"The page lacks column {', '.join(missing)} of report {report.key}.", action)


def _own_file(name: str) -> Markup:
    """Return the style sheet or the script, which the policy names by its digest."""
    return Markup(files(__package__ or "").joinpath(name).read_text("utf-8"))  # noqa: S704


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


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
