"""`pinterest doctor`."""

from dataclasses import asdict

import click
from rich.console import Console
from rich.markup import escape

from pinterest_platform.cli import diagnosis
from pinterest_platform.cli.diagnosis import Finding
from pinterest_platform.cli.output import Terminal, print_json, printable
from pinterest_platform.cli.progress import working
from pinterest_platform.cli.session import Session, with_session
from pinterest_platform.failures import PlatformFailure

_IO_SECONDS = 5.0
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


@click.command()
@with_session("json")
def doctor(session: Session) -> int:
    """Check the machine, the settings and every service, and print how to fix each problem.

    The exit code is 1 if a check failed. A warning does not change it.
    """
    session.limit_io_seconds(_IO_SECONDS)
    findings = [_check_settings(session)]
    checks = diagnosis.machine_checks(session.home)
    if findings[0].status == "ok":
        from pinterest_platform.cli.service_checks import service_checks

        checks |= service_checks(session.platform)
    with working("checking"):
        findings += diagnosis.run(checks)
    failed = any(finding.status == "failed" for finding in findings)
    if session.form == "json":
        print_json({"ok": not failed, "checks": [asdict(finding) for finding in findings]})
    else:
        console = Terminal(soft_wrap=True)
        for finding in findings:
            _print(console, finding)
    return int(failed)


def _check_settings(session: Session) -> Finding:
    try:
        settings = session.settings
    except PlatformFailure as failure:
        detail = f"{failure.what} The services are not checked."
        return Finding("settings", "failed", detail, failure.action)
    return Finding("settings", "ok", f"user id {settings.user_id}, engine {settings.spark_engine}")


def _print(console: Console, finding: Finding) -> None:
    status = f"[{_STYLES[finding.status]}]{finding.status:<8}[/]"
    console.print(f"{status} {finding.name:<10} {escape(printable(finding.detail))}", highlight=False)
    if finding.fix:
        console.print(f"{'':<20}fix: {escape(printable(finding.fix))}", highlight=False)
