"""People: who logs in sees their own runs and cells, and of other people's nothing at all."""

from __future__ import annotations

import pytest
import streamlit as st

import core
from core import jobs
from core.config import config_to_dict
from core.data import DEMO_TASK
from core.jobs import State, holdings
from pages.ui import cache, history, links, people
from tests.ui.screen import AUTH, runs_of
from tests.ui.test_start import PAGES

ISSUER = "https://id.test"
# They share an e-mail address, as when the lab gave it to somebody else.
ANNA = {"is_logged_in": True, "iss": ISSUER, "sub": "1", "name": "Anna", "email": "lab@id.test"}
BEA = ANNA | {"sub": "2", "name": "Bea"}
NOBODY: dict = {}
UNKNOWN = "zzzzzzzzzzzz"
STEPS = {
    "reading": "reference",
    "finding": "markers",
    "training": "train",
    "synthetic": "synthetic",
    "annotation": "annotate",
}
LETTERS = ["a", "b", "b", "b", "b"] * 35


@pytest.fixture
def of_anna(trained):
    """Return a finished training that belongs to Anna, and the digest of its cells."""
    database = jobs.get_database()
    config = trained.config | {"task": config_to_dict(DEMO_TASK)}
    title = "Anna's secret training"
    run_id = database.create("train", config, title=title, owner=f"{ISSUER} 1")
    error = {"code": "E-OF-ANNA", "message": "Anna's failure.", "next_step": "Hers."}
    database.transition(run_id, State.FAILED, allowed_from=State, error=error)
    holdings.hold(f"{ISSUER} 1", trained.config["dataset"], "anna_cells")
    yield database.get(run_id)
    database.delete(run_id)


@pytest.mark.parametrize("page", PAGES)
def test_without_log_in_a_page_shows_the_way_in_and_nothing_else(open_app, demo, page):
    address = {"reference": demo.state.dataset, "label": "bulk_labels"}
    screen = open_app(page, person=NOBODY, **address)
    assert screen.title == "Log in to Needle"
    assert [button.label for button in screen.at.button] == ["Log in"]
    assert not screen.links
    assert not screen.summary
    assert "PBMC" not in screen.text()


def test_each_of_several_providers_has_a_button(open_app, monkeypatch):
    provider = {name: AUTH[name] for name in AUTH if name.startswith(("client", "server"))}
    shared = {name: AUTH[name] for name in AUTH if name not in provider}
    several = shared | {"google": provider, "university": provider}
    monkeypatch.setattr("tests.ui.screen.AUTH", several)
    buttons = open_app(person=NOBODY).at.button
    assert [b.label for b in buttons] == ["Log in with Google", "Log in with University"]


def test_settings_that_cannot_work_are_refused_with_their_name(open_app, monkeypatch):
    monkeypatch.setattr("tests.ui.screen.AUTH", {"cookie_secret": "s" * 32})
    screen = open_app(person=NOBODY).click("Log in")
    assert "E-LOGIN-SETTINGS" in screen.text("error")
    assert "secrets.toml" in screen.text("error")


def test_secrets_that_cannot_be_read_do_not_open_the_server(open_app, set_option, tmp_path):
    broken = tmp_path / "secrets.toml"
    broken.write_text("[auth\n")
    set_option("secrets.files", [str(broken)])
    screen = open_app("runs")
    assert "E-LOGIN-SETTINGS" in screen.text("error")
    assert not screen.at.title
    assert not screen.at.dataframe


def test_who_is_logged_in_stands_at_the_top_with_the_way_out(open_app):
    screen = open_app("runs", person=ANNA)
    assert "Anna" in screen.text("caption")
    assert screen.has("button", "Log out")
    assert not open_app("runs").has("button", "Log out")


def test_a_log_out_ends_all_tabs_of_that_log_in_and_no_other(open_app):
    once, later = (ANNA | {"nonce": nonce} for nonce in ("of one log-in", "of the next"))
    tab, other_tab = open_app("runs", person=once), open_app("train", person=once)
    next_log_in = open_app("runs", person=later)
    tab.click("Log out")
    assert tab.run().title == "Log in to Needle"
    assert other_tab.run().title == "Log in to Needle"
    assert next_log_in.run().title == "Runs"


def test_a_log_out_holds_when_a_browser_asks_to_empty_the_caches(open_app):
    tab, other_tab = open_app("runs", person=ANNA), open_app("train", person=ANNA)
    tab.click("Log out")
    st.cache_resource.clear()  # what Streamlit does for the message `clear_cache`, from anybody
    assert other_tab.run().title == "Log in to Needle"


def test_a_file_that_is_dropped_after_a_log_out_is_refused_and_not_kept(
    open_app, h5ad, needle_home
):
    tab, other_tab = open_app("runs", person=ANNA), open_app("reference", person=ANNA)
    tab.click("Log out")
    before = [run.id for run in runs_of("read")]
    kept = set((needle_home / "uploads").glob("*"))
    other_tab.upload("Reference file", "late.h5ad", h5ad("query", obs={"kind": LETTERS}))
    assert "E-LOGIN" in other_tab.text("error")
    assert other_tab.title == "Log in to Needle"
    assert set((needle_home / "uploads").glob("*")) == kept
    assert runs_of("read", besides=before) == []


def test_the_demo_is_not_loaded_after_a_log_out(open_app):
    tab, other_tab = open_app("runs", person=ANNA), open_app("reference", person=ANNA)
    tab.click("Log out")
    other_tab.click("Load demo reference")
    assert "E-LOGIN" in other_tab.text("error")
    assert not other_tab.state.dataset
    assert not other_tab.state.reading


def test_a_list_that_keeps_up_by_itself_stops_at_a_log_out(open_app, of_anna, monkeypatch):
    queries = []
    monkeypatch.setattr(history, "_keep_up", queries.append)
    open_app("runs", person=ANNA)
    log_in(monkeypatch, {"iss": ISSUER, "sub": "1"})
    assert of_anna.id in [run.id for run in queries[-1]()]
    log_in(monkeypatch, None)
    with pytest.raises(core.NeedleError, match="not logged in any more"):
        queries[-1]()


def test_a_link_is_remembered_when_a_browser_asks_to_empty_the_caches(monkeypatch):
    gone_to = []
    monkeypatch.setattr(links, "_browser", lambda: b"one")
    monkeypatch.setattr(st, "switch_page", lambda page, query_params: gone_to.append(page))
    links.remember("pages/train.py")
    st.cache_resource.clear()
    links.come_back()
    links.come_back()
    assert gone_to == ["pages/train.py"]


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"iss": ISSUER, "sub": "1"}, f"{ISSUER} 1"),
        ({"iss": ISSUER, "sub": "local"}, f"{ISSUER} local"),
        ({"iss": ISSUER, "sub": "1 2"}, f"{ISSUER} 1 2"),
    ],
)
def test_an_owner_is_issuer_and_subject(monkeypatch, claims, name):
    log_in(monkeypatch, claims)
    assert people.owner() == name


def test_a_long_owner_still_fits_the_database_and_stays_unlike_others(monkeypatch):
    owners = set()
    for subject in ("x" * 250 + "1", "x" * 250 + "2"):
        log_in(monkeypatch, {"iss": ISSUER, "sub": subject})
        owners.add(people.owner())
    assert len(owners) == 2
    assert all(len(owner) <= 255 and owner != "local" for owner in owners)


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"email": "lab@id.test", "iss": ISSUER}, "E-LOGIN-IDENTITY"),
        ({"email": "lab@id.test", "sub": "1"}, "E-LOGIN-IDENTITY"),
        (None, "E-LOGIN"),
    ],
    ids=["no subject", "no issuer", "not logged in"],
)
def test_who_cannot_be_told_from_others_owns_nothing(monkeypatch, claims, code):
    log_in(monkeypatch, claims)
    with pytest.raises(core.NeedleError) as refused:
        people.owner()
    assert refused.value.code == code


def log_in(monkeypatch, claims):
    """Make a script outside a page believe that somebody with these claims is logged in."""
    user = {} if claims is None else {"is_logged_in": True} | claims
    monkeypatch.setattr(people, "is_log_in_configured", lambda: True)
    monkeypatch.setattr(people.st, "user", User(user))


class User(dict):
    def to_dict(self):
        return dict(self)


def test_without_a_configured_log_in_everything_is_the_local_users():
    assert people.owner() == "local"


@pytest.mark.parametrize("parameter", STEPS)
def test_somebody_elses_run_is_as_unknown_as_one_that_never_was(open_app, of_anna, parameter):
    page = STEPS[parameter]
    theirs = open_app(page, person=BEA, **{parameter: of_anna.id})
    never = open_app(page, person=BEA, **{parameter: UNKNOWN})
    assert "E-RUN-UNKNOWN" in theirs.text("error")
    assert theirs.text().replace(of_anna.id, UNKNOWN) == never.text()
    assert theirs.summary == never.summary == ""
    assert "Anna" not in theirs.text()


@pytest.mark.parametrize(
    ("page", "parameter"), [*((page, "reference") for page in PAGES[1:]), ("annotate", "query")]
)
def test_somebody_elses_cells_are_as_unknown_as_some_that_never_were(
    open_app, of_anna, page, parameter
):
    digest = of_anna.config["dataset"]
    open_app("reference", person=ANNA, reference=digest)  # so they are in every cache
    theirs = open_app(page, person=BEA, **{parameter: digest, "label": "bulk_labels"})
    never = open_app(page, person=BEA, **{parameter: "0" * 64, "label": "bulk_labels"})
    assert "E-DATASET-UNKNOWN" in theirs.text("error")
    assert theirs.text() == never.text()
    assert theirs.summary == never.summary == ""
    assert not theirs.at.get("plotly_chart")


def test_ones_own_link_shows_ones_own_failure(open_app, of_anna):
    address = {"reference": of_anna.config["dataset"], "label": "bulk_labels", "rare": "CD34+"}
    screen = open_app("train", person=ANNA, training=of_anna.id, **address)
    assert "E-OF-ANNA" in screen.text("error")
    assert "anna_cells" in screen.summary


def test_what_somebody_starts_is_theirs(open_app):
    before = [run.id for run in runs_of("markers")]
    screen = open_app(person=ANNA).click("Try the demo")
    if screen.state.reading:
        screen.wait("reading")
    screen.go("markers").click("Find markers")
    screen.wait("finding")
    (run,) = runs_of("markers", besides=before)
    assert run.owner == f"{ISSUER} 1"
    assert screen.table("gene", "auc") is not None
    assert holdings.holds(run.owner, run.config["dataset"])


def test_each_sees_the_same_cells_under_the_name_of_their_own_file(open_app, h5ad):
    content = h5ad("query", obs={"kind": LETTERS})
    screens = {}
    for person, name in ((ANNA, "annas_patients.h5ad"), (BEA, "beas_own.h5ad")):
        screen = open_app("reference", person=person)
        screen.upload("Reference file", name, content)
        screen.wait("reading")
        screens[person["name"]] = screen
    assert screens["Anna"].state.dataset == screens["Bea"].state.dataset
    assert "annas_patients" in screens["Anna"].run().summary
    assert "beas_own" in screens["Bea"].run().summary
    assert "annas_patients" not in screens["Bea"].summary + screens["Bea"].text()


def test_a_run_is_told_what_its_owner_calls_the_cells(open_app, h5ad):
    screen = open_app("reference", person=BEA)
    screen.upload("Reference file", "beas.h5ad", h5ad("query", obs={"kind": LETTERS}))
    screen.wait("reading")
    screen.go("markers").set("selectbox", "Rare cell type", "a")
    screen.click("Find markers")
    run = screen.wait("finding")
    assert run.config["dataset_name"] == "beas"


def test_cells_that_a_notebook_has_opened_are_the_local_users(open_app, h5ad, tmp_path):
    content = h5ad("query", obs={"kind": [*LETTERS[1:], "c"]})
    file = tmp_path / "from_notebook.h5ad"
    file.write_bytes(content)
    digest = core.open_dataset(file).digest
    assert "from_notebook" in open_app("reference", reference=digest).summary
    screen = open_app("reference", person=ANNA, reference=digest)
    assert "E-DATASET-UNKNOWN" in screen.text("error")


def test_the_same_file_under_another_name_shows_that_name(open_app, h5ad):
    content = h5ad("reference", obs={"kind": ["a", "b", "b", "b", "b"] * 105})
    screen = open_app("reference")
    for name in ("first_name", "second_name"):
        screen.upload("Reference file", f"{name}.h5ad", content)
        screen.wait("reading")
        assert name in screen.run().summary


def test_no_cache_hands_out_cells_to_whom_they_do_not_belong(of_anna, monkeypatch):
    digest = of_anna.config["dataset"]
    log_in(monkeypatch, ANNA)
    assert cache.dataset(digest).name == "anna_cells"
    cache.umap(digest)
    cache.marker_profile(digest, "bulk_labels", "CD34+", ("CD74",))
    log_in(monkeypatch, BEA)
    for ask in (
        cache.dataset,
        cache.umap,
        lambda digest: cache.marker_profile(digest, "bulk_labels", "CD34+", ("CD74",)),
        lambda digest: cache.annotation(of_anna.id, digest),
    ):
        with pytest.raises(core.DataError, match="not found in Needle's data folder"):
            ask(digest)
    assert cache.recommended(of_anna.id, digest, DEMO_TASK, "f1") is None
