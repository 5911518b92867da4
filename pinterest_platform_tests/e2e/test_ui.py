"""Dagster's UI in a real browser, on real parts, as an operator uses it. Each test leaves a screenshot.

The tests share one `dagster dev` and one user, and each of them brings the records that it needs.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

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
                expect(locator().first).to_be_visible(timeout=10_000)
            except AssertionError:
                return None
            return locator().first

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
        lambda: ui.page.get_by_role("row").filter(has_text="kafka_backlog").filter(has_text="Success"),
    )
    expect(row).to_contain_text("kafka_pipeline")
    expect(row).to_contain_text("pinterest/route: kafka")
    expect(row).to_contain_text(re.compile(r"pinterest/backlog: kafka/pin: 20 records"))
    assert "pinterest/worker" not in row.inner_text()
    ui.screenshot("run_of_a_sensor")
