"""Network: a server that strangers can reach shows nothing, unless that was wanted."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.runtime.context import ContextProxy, StreamlitHeaders

from core.errors import Finding, RunError
from core.jobs import startup
from pages.ui import network
from tests.conftest import clear_caches
from tests.ui.test_people import ANNA, BEA
from tests.ui.test_start import PAGES

LOCAL = ("localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.8.9.1", "::1", "[::1]")
EVERYWHERE = (None, "", "0.0.0.0", "::")
ELSEWHERE = ("192.168.1.5", "10.0.0.1", "fe80::1", "127.1", "needle.lab.org", "localhost.lab.org")
ELSEWHERE += ("unix:///run/needle.sock",)


@pytest.mark.parametrize("address", LOCAL)
def test_the_machines_own_addresses_are_local(address):
    assert network.is_local(address)


@pytest.mark.parametrize("address", [*EVERYWHERE, *ELSEWHERE])
def test_all_other_addresses_are_not_local(address):
    assert not network.is_local(address)


@pytest.mark.parametrize(
    ("address", "host", "how"),
    [
        ("localhost", "localhost:8501", None),
        ("127.0.0.1", "[::1]:8501", None),
        ("localhost", None, None),
        ("localhost", "evil.example.org:8501", "was reached by the name evil.example.org:8501"),
        ("localhost", "192.168.1.5", "was reached by the name 192.168.1.5"),
        (None, "localhost:8501", "listens on all addresses of this computer"),
        ("::", "localhost", "listens on all addresses of this computer"),
        ("192.168.1.5", "192.168.1.5:8501", "listens on 192.168.1.5"),
    ],
)
def test_exposure_says_how_others_get_here(address, host, how):
    assert network.exposure(address, StreamlitHeaders([("host", host)] if host else [])) == how


@pytest.mark.parametrize(
    ("header", "value", "how"),
    [
        ("Origin", "http://localhost:8501", None),
        ("Origin", "http://127.0.0.1:8501", None),
        ("Origin", "http://[::1]:8501", None),
        ("User-Agent", "a browser", None),
        ("Origin", "https://lab.org", "was reached from the page https://lab.org"),
        ("Origin", "null", "was reached from the page null"),
        ("Origin", "http://[lab.org", "was reached from the page http://[lab.org"),
        ("X-Forwarded-For", "10.0.0.7", "was reached through a proxy (`X-Forwarded-For`)"),
        ("x-forwarded-host", "localhost", "was reached through a proxy (`X-Forwarded-Host`)"),
        ("Forwarded", "for=10.0.0.7", "was reached through a proxy (`Forwarded`)"),
        ("Via", "1.1 gate", "was reached through a proxy (`Via`)"),
    ],
)
def test_a_proxy_that_asks_as_localhost_is_noticed(header, value, how):
    headers = StreamlitHeaders([("Host", "localhost:8501"), (header, value)])
    assert network.exposure("localhost", headers) == how


def test_behind_a_proxy_nothing_is_shown(open_app, demo, monkeypatch):
    headers = StreamlitHeaders([("Host", "localhost:8501"), ("X-Forwarded-For", "10.0.0.7")])
    monkeypatch.setattr(ContextProxy, "headers", headers)
    screen = open_app("runs", reference=demo.state.dataset, label="bulk_labels")
    assert "E-OPEN-SERVER" in screen.text("error")
    assert not screen.at.title
    assert not screen.at.dataframe


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("address", [None, "0.0.0.0", "192.168.1.5"])
def test_an_open_server_shows_a_refusal_and_no_data(open_app, demo, set_option, address, page):
    set_option("server.address", address)
    screen = open_app(page, reference=demo.state.dataset, label="bulk_labels")
    assert "E-OPEN-SERVER" in screen.text("error")
    assert "localhost" in screen.text("error")
    assert "log-in" in screen.text("error")
    assert "NEEDLE_ALLOW_NETWORK=1" in screen.text("error")
    assert not screen.at.title
    assert not screen.at.button
    assert not screen.at.dataframe
    assert not screen.summary


@pytest.mark.parametrize("page", PAGES)
def test_an_open_server_that_is_wanted_says_so_on_every_page(
    open_app, set_option, monkeypatch, page
):
    set_option("server.address", "0.0.0.0")
    monkeypatch.setenv("NEEDLE_ALLOW_NETWORK", "1")
    screen = open_app(page)
    assert "whoever reaches this address sees and deletes everything" in screen.text("warning")
    assert screen.title


@pytest.mark.parametrize("value", ["", "0", "no", "true"])
def test_only_a_clear_yes_opens_a_server(open_app, set_option, monkeypatch, value):
    set_option("server.address", "0.0.0.0")
    monkeypatch.setenv("NEEDLE_ALLOW_NETWORK", value)
    assert "E-OPEN-SERVER" in open_app("runs").text("error")


def test_a_server_on_which_people_log_in_may_be_reached_from_elsewhere(open_app, set_option):
    set_option("server.address", "0.0.0.0")
    screen = open_app("runs", person=ANNA)
    assert screen.title == "Runs"
    assert "sees and deletes" not in screen.text("warning")


def test_by_default_only_this_computer_is_served(open_app):
    screen = open_app("runs")
    assert screen.title == "Runs"
    assert "sees and deletes" not in screen.text("warning")


DAMAGED = Finding("W-DATABASE-DAMAGED", "The list of runs was damaged.", "Load data again.")


@pytest.fixture
def start_with(monkeypatch):
    """Return a function that sets what the server's start finds, and starts it anew."""

    def started(outcome):
        def start_up():
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(startup, "start_up", start_up)
        clear_caches()

    yield started
    clear_caches()


@pytest.mark.parametrize("page", PAGES)
def test_what_the_start_found_amiss_stands_on_every_page(open_app, start_with, page):
    start_with((DAMAGED,))
    screen = open_app(page)
    assert "W-DATABASE-DAMAGED" in screen.text("warning")
    assert "The list of runs was damaged." in screen.text("warning")
    assert screen.title


def test_a_banner_goes_when_it_is_dismissed_and_stays_for_others(open_app, start_with):
    start_with((DAMAGED,))
    screen = open_app("runs", person=ANNA).click("Dismiss")
    assert "W-DATABASE-DAMAGED" not in screen.text("warning")
    assert "W-DATABASE-DAMAGED" not in open_app("train", person=ANNA).text("warning")
    assert "W-DATABASE-DAMAGED" in open_app("runs", person=BEA).text("warning")


@pytest.mark.parametrize("page", PAGES)
def test_where_the_start_fails_every_page_says_so_and_tries_again(open_app, start_with, page):
    start_with(RunError("/data cannot be written.", code="E-FOLDER", next_step="Allow it."))
    screen = open_app(page, reference="0" * 64)
    assert "/data cannot be written." in screen.text("error")
    assert "E-FOLDER" in screen.text("error")
    assert not screen.at.title
    assert screen.at.query_params == {"reference": "0" * 64}
    start_with(())
    assert screen.run().title


def test_the_start_is_made_once_per_server(open_app, monkeypatch):
    calls = []
    monkeypatch.setattr(startup, "start_up", lambda: calls.append(1) or ())
    clear_caches()
    open_app("runs")
    open_app("train").run()
    assert len(calls) == 1


def test_the_start_is_not_made_again_when_a_browser_asks_to_empty_the_caches(open_app, monkeypatch):
    calls = []
    monkeypatch.setattr(startup, "start_up", lambda: calls.append(1) or (DAMAGED,))
    clear_caches()
    screen = open_app("runs").click("Dismiss")
    st.cache_resource.clear()  # what Streamlit does for the message `clear_cache`, from anybody
    assert "W-DATABASE-DAMAGED" not in screen.run().text("warning")
    assert len(calls) == 1
    clear_caches()
