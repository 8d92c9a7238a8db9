"""A real server and a real browser for the tests in this folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from core.jobs import RunDatabase

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
SECONDS_TO_START = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as ``e2e``."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("e2e")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep a picture of the page on which a test failed, and say where it is."""
    report = yield
    page = getattr(item, "funcargs", {}).get("page")
    if report.when == "call" and report.failed and page is not None and not page.is_closed():
        picture = Path(tempfile.mkdtemp(prefix="needle-failure-")) / "failure.png"
        page.screenshot(path=picture, full_page=True)
        report.sections.append(("Page at the failure", f"{picture}\n{page.url}"))
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of the system's Chromium; without one, skip, but fail in CI."""
    chosen = os.environ.get("CHROMIUM")
    found = [path for name in ([chosen] if chosen else BROWSERS) if (path := shutil.which(name))]
    if found:
        return found[0]
    reason = f"No browser found: {chosen or ', '.join(BROWSERS)}. Name one in CHROMIUM."
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def app_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of the app in the browser."""
    home = tmp_path_factory.mktemp("app") / "home"
    home.mkdir()
    return home


@pytest.fixture(scope="session")
def app_runs(app_url: str, app_home: Path) -> Iterator[RunDatabase]:
    """Return the run database of the app in the browser."""
    database = RunDatabase(f"sqlite:///{(app_home / 'needle.db').as_posix()}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def app_url(chromium: str, app_home: Path) -> Iterator[str]:
    """Run the app on a free port, with a data folder of its own; its log must stay clean."""
    with running_app(app_home, free_port()) as url:
        yield url


@contextmanager
def running_app(home: Path, port: int, **settings: str) -> Iterator[str]:
    """Run the app with its data in `home`, and give its address; `settings` are for its system."""
    log = home.with_name("server.log")
    system = {k: v for k, v in os.environ.items() if not k.startswith(("NEEDLE_", "STREAMLIT_"))}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.address", "localhost", "--server.port", str(port)]
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=system | {"NEEDLE_HOME": str(home)} | settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until_healthy(server, f"http://localhost:{port}/_stcore/health", log)
        yield f"http://localhost:{port}"
    finally:
        stop(server)
    text = log.read_text(errors="replace")
    if "Traceback" in text:
        pytest.fail(f"The server's log holds a traceback ({log}):\n{text[-4000:]}", pytrace=False)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Open one browser per module: Playwright's event loop must not outlive these tests."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    """Return an empty page in a new session; it may talk to the app and to nobody else."""
    with new_browser(browser, app_url) as page:
        yield page


@contextmanager
def new_browser(browser: Browser, *servers: str) -> Iterator[Page]:
    """Open a page with cookies and a session of its own; it may talk to `servers` alone."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900},
        accept_downloads=True,
        color_scheme="light",
        locale="en-GB",
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    try:
        yield context.new_page()
    finally:
        context.close()
    strangers = [url for url in asked if not url.startswith((*servers, "data:", "blob:"))]
    assert not strangers, f"the page asked other servers: {strangers}"


def free_port() -> int:
    """Let the system name a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def wait_until_healthy(server: subprocess.Popen, url: str, log: Path) -> None:
    """Return when the server answers; fail with its log when it ends or stays silent."""
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    pytest.fail(f"The app did not start:\n{log.read_text(errors='replace')}", pytrace=False)


def stop(server: subprocess.Popen) -> None:
    """End the server's process group, and the workers it started in groups of their own."""
    try:
        family = psutil.Process(server.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    for signum in (signal.SIGTERM, signal.SIGKILL):
        if server.poll() is None:
            os.killpg(server.pid, signum)
        for child in family:
            if child.is_running():
                child.send_signal(signum)
        try:
            server.wait(timeout=10)
            family = psutil.wait_procs(family, timeout=5)[1]
        except subprocess.TimeoutExpired:
            continue
        if not family:
            return
