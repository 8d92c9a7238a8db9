"""Two people on one server: a real log-in, and nothing of the one is shown to the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.jobs import RunDatabase
from tests.e2e.conftest import free_port, new_browser, running_app
from tests.e2e.oidc import PEOPLE, Provider, running_provider
from tests.e2e.steps import (
    LONG,
    button,
    expect_live_view,
    expect_result,
    go,
    heading,
    load_demo,
    start_training,
)

ANNA, BEA = PEOPLE


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider(free_port()) as provider:
        yield provider


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of an app on which people have to log in."""
    home = tmp_path_factory.mktemp("shared") / "home"
    home.mkdir()
    return home


@pytest.fixture(scope="module")
def shared_url(chromium: str, provider: Provider, shared_home: Path) -> Iterator[str]:
    """Run that app, with its secrets beside its data folder."""
    secrets, port = shared_home.with_name("secrets.toml"), free_port()
    secrets.write_text(provider.secrets_file(f"http://localhost:{port}"))
    with running_app(shared_home, port, STREAMLIT_SECRETS_FILES=str(secrets)) as url:
        yield url


@pytest.fixture
def shared_runs(shared_url: str, shared_home: Path) -> Iterator[RunDatabase]:
    database = RunDatabase(f"sqlite:///{(shared_home / 'needle.db').as_posix()}")
    yield database
    database.close()


@pytest.fixture
def anna(browser: Browser, shared_url: str, provider: Provider) -> Iterator[Page]:
    with new_browser(browser, shared_url, provider.issuer) as page:
        yield page


@pytest.fixture
def bea(browser: Browser, shared_url: str, provider: Provider) -> Iterator[Page]:
    with new_browser(browser, shared_url, provider.issuer) as page:
        yield page


def log_in(page: Page, url: str, subject: str) -> None:
    """Open an address, and log in as one of the people the provider knows."""
    page.goto(url)
    expect(heading(page, "Log in to Needle")).to_be_visible(timeout=LONG)
    button(page, "Log in").click()
    page.get_by_role("button", name=PEOPLE[subject]).click()
    expect(button(page, "Log out")).to_be_visible(timeout=LONG)
    expect(page.get_by_text(PEOPLE[subject])).to_be_visible(timeout=LONG)


def test_what_one_person_computes_another_neither_sees_nor_finds(
    browser: Browser,
    anna: Page,
    bea: Page,
    shared_url: str,
    provider: Provider,
    shared_runs: RunDatabase,
):
    log_in(anna, shared_url, ANNA)
    load_demo(anna, shared_url)
    worker = start_training(anna, shared_runs, repeats=5)
    expect_live_view(anna)
    link = anna.url
    (run,) = shared_runs.runs(kind="train")
    assert run.owner == f"{provider.issuer} {ANNA}"

    log_in(bea, link, BEA)  # and the link is opened afterwards
    expect(heading(bea, "Train")).to_be_visible(timeout=LONG)
    expect(bea.get_by_text("E-RUN-UNKNOWN")).to_be_visible(timeout=LONG)
    expect(bea.get_by_text("E-DATASET-UNKNOWN")).to_be_visible(timeout=LONG)
    expect(bea.get_by_text("CD34+")).to_have_count(0)
    expect(bea.get_by_role("figure")).to_have_count(0)
    go(bea, "Runs")
    expect(bea.get_by_text("Nothing was run yet")).to_be_visible(timeout=LONG)

    load_demo(bea, shared_url)
    expect(bea.get_by_text("525 cells × 765 genes")).to_be_visible(timeout=LONG)
    worker.resume()
    expect_result(anna)
    assert {run.owner for run in shared_runs.runs(kind="train")} == {run.owner}

    with new_browser(browser, shared_url, provider.issuer) as at_home:
        log_in(at_home, anna.url, ANNA)
        expect_result(at_home)


def test_a_log_out_ends_the_session_in_all_tabs(anna: Page, shared_url: str):
    log_in(anna, shared_url, ANNA)
    load_demo(anna, shared_url)
    link, other_tab = anna.url, anna.context.new_page()
    other_tab.goto(link)
    expect(button(other_tab, "Log out")).to_be_visible(timeout=LONG)
    button(anna, "Log out").click()
    expect(heading(anna, "Log in to Needle")).to_be_visible(timeout=LONG)
    anna.goto(link)
    expect(heading(anna, "Log in to Needle")).to_be_visible(timeout=LONG)
    expect(anna.get_by_text("CD34+")).to_have_count(0)
    other_tab.get_by_role("link", name="Runs", exact=True).click()
    expect(heading(other_tab, "Log in to Needle")).to_be_visible(timeout=LONG)
