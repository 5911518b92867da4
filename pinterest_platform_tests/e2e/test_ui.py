"""Dagster's UI in a real browser, on real parts, as an operator uses it. Each test leaves a screenshot.

The tests share one `dagster dev` and one user, and each of them brings the records that it needs.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, expect

from pinterest_platform.catalog import PIN
from pinterest_platform.provisioning.streams import delete_streams, ensure_streams
from pinterest_platform.settings import load
from pinterest_platform_tests.conftest import provide
from pinterest_platform_tests.e2e.dagster_dev import DagsterDev, eventually
from pinterest_platform_tests.e2e.gate import Gate
from pinterest_platform_tests.e2e.harness import Tenant

SHOWN_MS = 60_000
JOBS, SENSORS = "/locations/pinterest_platform/jobs", "/locations/pinterest_platform/sensors"

pytestmark = pytest.mark.timeout(1200)


@dataclass(frozen=True)
class Ui:
    """The UI of a running `dagster dev`, the user whose data it shows, and the gate before the store."""

    dev: DagsterDev
    user: Tenant
    store: Gate
    page: Page
    folder: Path

    def open(self, path: str) -> None:
        self.page.goto(f"http://127.0.0.1:{self.dev.port}{path}")

    def until_shown(self, event: str, path: str, locator: Callable[[], Locator]) -> Locator:
        """Open a page again and again until it shows something: a page in the background polls slowly."""

        def shown() -> Locator | None:
            self.open(path)
            try:
                found = locator().first
                expect(found).to_be_visible(timeout=10_000)
            except (AssertionError, Error):
                return None
            return found

        return eventually(event, shown)

    def screenshot(self, name: str) -> None:
        file = self.folder / f"{name}.png"
        self.page.screenshot(path=file)
        print(f"screenshot: {file}")


@pytest.fixture(scope="module")
def ui(browser: Browser, emulated: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    with pytest.MonkeyPatch.context() as patch:
        store = Gate(emulated["AWS_ENDPOINT_URL"])
        variables = emulated | {
            "PINTEREST_USER_ID": f"t{uuid.uuid4().hex[:12]}",
            "PINTEREST_BUCKET": "",
            "PINTEREST_KAFKA_PARTITIONS": "1",
            "PINTEREST_KINESIS_SHARDS": "1",
            "PINTEREST_DRAIN_IDLE_SECONDS": "0",
            "AWS_ENDPOINT_URL": store.address,
            # The start of a run may take longer than Dagster's minute on a busy machine.
            "DAGSTER_GRPC_TIMEOUT_SECONDS": "600",
        }
        for name, value in variables.items():
            patch.setenv(name, value)
        settings = load()
        provide(settings)
        ensure_streams(settings)
        dev = DagsterDev(tmp_path_factory.mktemp("dagster"))
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.set_default_timeout(SHOWN_MS)
        expect.set_options(timeout=SHOWN_MS)
        try:
            dev.start()
            yield Ui(dev, Tenant(settings), store, page, tmp_path_factory.mktemp("screenshots"))
        finally:
            dev.kill()
            delete_streams(settings)
            store.close()


def posts(count: int) -> list[dict[str, object]]:
    return [{"index": number, "title": f"Title {number}", "category": "art"} for number in range(count)]


def test_a_sensor_starts_a_run(ui: Ui) -> None:
    ui.user.produce(PIN, posts(20))
    row = ui.until_shown(
        "the sensor's run to succeed",
        "/runs",
        lambda: ui.page.locator("[data-key]").filter(has_text="kafka_backlog").filter(has_text="Success"),
    )
    expect(row).to_contain_text("kafka_pipeline")
    expect(row).to_contain_text("pinterest/route: kafka")
    expect(row).to_contain_text(re.compile(r"pinterest/backlog: kafka/pin: [0-9]+ records"))
    assert not re.search("pinterest.(worker|job|concurrency)", row.inner_text())
    ui.screenshot("run_of_a_sensor")


def test_an_asset_shows_its_columns_its_storage_and_its_lineage(ui: Ui) -> None:
    ui.open("/assets/cleaned/pin")
    page, names = ui.page, ui.user.names
    columns = page.locator("tr")
    for name, *texts in (
        ("ind", "bigint", "non-nullable", "unique", "Key of the post."),
        ("follower_count", "bigint", "at least 0", "Followers of the poster"),
        ("poster_name", "string", "pii: true", "Account that posted the pin."),
    ):
        row = columns.filter(has=page.get_by_text(name, exact=True)).first
        for text in texts:
            expect(row).to_contain_text(text)
    for text in ("Delta Lake", "PySpark", "data-platform", "layer: cleaned", "route: kafka", names.cleaned_uri(PIN)):
        expect(page.get_by_text(text, exact=True).first).to_be_visible()
    expect(page.get_by_text(names.topic(PIN)).first).to_be_visible()
    expect(page.get_by_text("<user id>")).to_have_count(0)
    ui.screenshot("columns_of_an_asset")
    ui.open("/assets/cleaned/pin?view=lineage")
    for group in ("raw", "cleaned", "reports"):
        expect(page.get_by_text(group, exact=True).first).to_be_visible()
    ui.screenshot("lineage_of_an_asset")


def test_a_launchpad_offers_the_options_and_names_the_values_of_an_enum(ui: Ui) -> None:
    ui.open(f"{JOBS}/streaming_pipeline/playground")
    editor = ui.page.locator(".CodeMirror").first
    expect(editor).to_contain_text("full_refresh: false")
    expect(ui.page.get_by_text("No errors")).to_be_visible()
    ui.screenshot("launchpad")
    config = "ops:\n  drain_kinesis:\n    config:\n      new_epoch: sometimes\n"
    editor.evaluate("(element, config) => element.CodeMirror.setValue(config)", config)
    error = ui.page.get_by_text("new_epoch").filter(has_text="sometimes").last
    expect(error).to_contain_text("land")
    ui.screenshot("launchpad_with_an_error")


def test_an_asset_is_materialized(ui: Ui) -> None:
    ui.open("/assets/operations/health")
    ui.page.get_by_role("button", name="Materialize").first.click()
    expect(ui.page.get_by_text("Launched run").first).to_be_visible()
    cell = ui.until_shown(
        "the report of the run",
        "/assets/operations/health?view=events",
        lambda: ui.page.locator("td").filter(has_text=re.compile("^kinesis retention$")),
    )
    expect(cell).to_be_visible()
    ui.screenshot("materialized_health")


def test_a_tick_names_the_store_that_is_down_and_the_next_ones_recover(ui: Ui) -> None:
    def last_reason() -> Locator:
        ui.page.locator("tbody tr").filter(has_text="View logs").first.get_by_text("0 runs requested").last.click()
        return ui.page.get_by_role("dialog")

    path = f"{SENSORS}/kafka_backlog"
    with ui.store.closed():
        ui.until_shown("a tick that names S3", path, lambda: last_reason().filter(has_text="did not respond"))
        ui.screenshot("outage")
    ui.until_shown(
        "a tick that reads again", path, lambda: last_reason().filter(has_text="to its end", has_not_text="S3")
    )
    ui.screenshot("recovery")
