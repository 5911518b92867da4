"""Screenshots of the documentation: Dagster's UI and the report page in Chromium, also during an outage.

`make screenshots` runs it inside `python -m emulators exec --posting --spark`, after the steps of `make run`. With
`--ui`, it uses a running UI.
"""

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from playwright.sync_api import TimeoutError as LateError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".cache" / "screenshots"
PATIENCE_MS = 1_800_000
ATTEMPTS = 5
SETTLE_MS = 5_000
"""Time for the UI to draw what it has loaded."""

VIEWPORT: ViewportSize = {"width": 1600, "height": 1000}
"""A width at which the UI cuts no column of an asset's table."""

_TICK_MS = 15_000
_INCOMPLETE = re.compile("fetching( asset)? statuses", re.IGNORECASE)
"""What the UI shows while it has assets without their state."""

_LOCATION = "/locations/pinterest_platform"
_SENSOR = f"{_LOCATION}/sensors/kafka_backlog"


def main() -> None:
    """Take all screenshots.

    Raises:
        SystemExit: there is no Chromium.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ui", help="address of a running UI, for example http://127.0.0.1:3000")
    address = parser.parse_args().ui
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("There is no chromium on PATH: install it, for example by apt-get install chromium.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=VIEWPORT, base_url=address or start_ui())
        page.set_default_timeout(PATIENCE_MS)
        show_the_page(browser)
        show_the_tutorial(page)
        show_an_outage(page)
        browser.close()


def start_ui() -> str:
    """Start `dagster dev`, which the surrounding `emulators exec` ends; return its address once it responds."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=30):
                return address
        except OSError:
            time.sleep(1)
    sys.exit("dagster dev does not respond: run make dev to see the reason.")


def show_the_tutorial(page: Page) -> None:
    """Take the screenshots of the tutorial: the graph, the sensor, a table with its checks and lineage, and a run."""
    for name, address, content in (
        ("graph", "/asset-groups", "cleaned_stream"),
        ("sensor", _SENSOR, "View logs"),
        ("asset", "/assets/cleaned/pin", "Row count"),
        ("checks", "/assets/cleaned/pin?view=checks", "key_not_null"),
        ("lineage", "/assets/cleaned/pin?view=lineage", "posts_by"),
    ):
        page.goto(address)
        page.get_by_text(content).filter(visible=True).first.wait_for()
        take(page, name)
    launch(page, "Success")
    take(page, "run")


def show_the_page(browser: Browser) -> None:
    """Take the screenshot of the report page."""
    home = ROOT / os.environ.get("PINTEREST_HOME", ".platform")
    page = browser.new_page(viewport=VIEWPORT)
    page.goto((home / "site" / "index.html").as_uri())
    take(page, "page")


def show_an_outage(page: Page) -> None:
    """Stop the broker, and take the screenshots of the outage and of the recovery."""
    emulators("stop", "kafka")
    try:
        show_skipped_tick(page)
        take(page, "outage-sensor")
        launch(page, "Failure")
        take(page, "outage-run")
    finally:
        emulators("start", "kafka")
    launch(page, "Success")
    take(page, "recovery")


def show_skipped_tick(page: Page) -> None:
    """Open the reason of the sensor's newest tick, until one names the broker that does not respond."""
    for _ in range(PATIENCE_MS // _TICK_MS):
        page.goto(_SENSOR)
        page.get_by_role("button", name="0 runs requested").first.click()
        try:
            page.get_by_text("did not").first.wait_for(timeout=_TICK_MS)
        except LateError:
            continue
        return
    sys.exit(f"No tick was skipped because of the broker: {page.url}")


def launch(page: Page, status: str) -> None:
    """Launch `batch_pipeline` in its launchpad until a run ends as expected: on a busy machine, some do not start."""
    for _ in range(ATTEMPTS):
        page.goto(f"{_LOCATION}/jobs/batch_pipeline/playground")
        page.get_by_role("button", name="Launch Run").click()
        page.wait_for_url("**/runs/**")
        outcome = page.get_by_text("Success", exact=True).or_(page.get_by_text("Failure", exact=True)).first
        outcome.wait_for()
        if outcome.inner_text() == status:
            return
    sys.exit(f"No run of batch_pipeline ended with {status}: {page.url}")


def emulators(*arguments: str) -> None:
    """Run a command of the emulators."""
    subprocess.run([sys.executable, "-m", "emulators", *arguments], cwd=ROOT, check=True)


def take(page: Page, name: str) -> None:
    """Take a screenshot once the page is drawn."""
    page.wait_for_timeout(SETTLE_MS)
    page.get_by_text(_INCOMPLETE).filter(visible=True).first.wait_for(state="hidden")
    page.screenshot(path=FOLDER / f"{name}.png")
    print(f"{name}.png", flush=True)


if __name__ == "__main__":
    main()
