"""`pinterest rows`."""

import click

from pinterest_platform.catalog import ENTITIES, REPORTS, Route, entity_named
from pinterest_platform.catalog.model import Format
from pinterest_platform.cli.names import OneOf
from pinterest_platform.cli.output import Terminal, count_text, header, print_csv, print_json, print_records
from pinterest_platform.cli.progress import working
from pinterest_platform.cli.session import Session, with_session

_NOTATIONS: dict[str, Format] = {column.name: column.notation for report in REPORTS for column in report.columns}
"""A column is printed as in the reports that have it; others, such as the key, have no separators."""

_ROUTE = OneOf("route", "routes", [route.value for route in Route])


@click.command()
@click.argument("entity", type=OneOf("entity", "entities", [entity.name for entity in ENTITIES]))
@click.option("--route", type=_ROUTE, default=Route.KAFKA.value, show_default=True, help="kafka or kinesis.")
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Rows to print.")
@with_session("json", "csv")
def rows(session: Session, entity: str, route: str, limit: int) -> None:
    """Print rows of a cleaned table with their source."""
    uri = session.settings.names.places(entity_named(entity), Route(route)).table_uri
    with working(f"reading {uri}"):
        facts = session.platform.lake.facts(uri)
        records = session.platform.lake.rows(uri, limit)
    if session.form == "json":
        print_json({"table": uri, "total_rows": facts.rows if facts else 0, "rows": records})
    elif session.form == "csv":
        print_csv([name for name, _ in facts.columns] if facts else header(records), records)
    else:
        count = count_text(len(records), facts.rows if facts else 0)
        print_records(Terminal(soft_wrap=True), uri, records, count, _NOTATIONS)
