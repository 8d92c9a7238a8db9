"""Files of the server: only what lies below the administrator's folders, links resolved."""

from __future__ import annotations

import os

import pytest

from core.errors import DataError
from core.jobs import roots
from core.jobs.roots import browse, data_roots, require_inside


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Two open folders with files, links that stay and links that lead out."""
    for name in ("lab/2024", "lab/.git", "public", "private"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("lab/a.h5ad", "lab/2024/b.h5ad", "lab/.hidden", "public/c.h5ad", "private/d.h5ad"):
        (tmp_path / name).touch()
    links = {"out.h5ad": "private/d.h5ad", "out": "private", "in.h5ad": "public/c.h5ad"}
    for name, target in links.items():
        (tmp_path / "lab" / name).symlink_to(tmp_path / target)
    (tmp_path / "lab" / "loop").symlink_to(tmp_path / "lab" / "loop")
    chosen = [str(tmp_path / "lab"), str(tmp_path / "public"), str(tmp_path / "nowhere"), ""]
    monkeypatch.setenv("NEEDLE_DATA_ROOTS", os.pathsep.join(chosen))
    return tmp_path.resolve()


def test_roots_are_the_listed_folders_that_exist(house):
    assert data_roots() == (house / "lab", house / "public")


def test_without_the_setting_there_are_none(monkeypatch):
    monkeypatch.delenv("NEEDLE_DATA_ROOTS", raising=False)
    assert data_roots() == ()


@pytest.mark.parametrize(
    "name", ["lab", "lab/a.h5ad", "lab/2024/b.h5ad", "lab/../public/c.h5ad", "lab/in.h5ad"]
)
def test_what_lies_below_a_root_is_allowed(house, name):
    assert require_inside(house / name) == (house / name).resolve()


@pytest.mark.parametrize(
    "name",
    ["", "private/d.h5ad", "lab/../private/d.h5ad", "lab/out.h5ad", "lab/out/d.h5ad", "lab2"],
)
def test_what_leads_out_of_the_roots_is_refused(house, name):
    with pytest.raises(DataError, match="administrator has opened") as caught:
        require_inside(house / name)
    assert caught.value.code == "E-PATH-OUTSIDE"
    assert str(house) not in caught.value.message, "paths of the server are nobody's business"


@pytest.mark.parametrize("name", ["lab/.hidden", "lab/.git", "lab/.git/config.csv"])
def test_what_is_hidden_is_refused(house, name):
    (house / "lab/.git/config.csv").touch()
    (house / "lab/door.csv").symlink_to(house / name)
    for path in (house / name, house / "lab/door.csv"):
        with pytest.raises(DataError, match="administrator has opened") as caught:
            require_inside(path)
        assert caught.value.code == "E-PATH-OUTSIDE"
    assert house / name not in (*browse(house / "lab").files, *browse(house / "lab").folders)


def test_a_hidden_folder_is_open_where_the_administrator_lists_it(house, monkeypatch):
    monkeypatch.setenv("NEEDLE_DATA_ROOTS", str(house / "lab/.git"))
    assert require_inside(house / "lab/.git") == house / "lab/.git"


@pytest.fixture
def own(house, monkeypatch):
    """Needle's own data folder, by way of a link, below an open folder, with an upload in it."""
    own = house / "lab" / "needle"
    (own / "uploads" / "one").mkdir(parents=True)
    (own / "uploads" / "one" / "secret.csv").touch()
    (house / "link").symlink_to(own)
    (house / "lab" / "side.csv").symlink_to(own / "uploads/one/secret.csv")
    monkeypatch.setenv("NEEDLE_HOME", str(house / "link"))
    return own


@pytest.mark.parametrize("name", ["", "uploads", "uploads/one", "uploads/one/secret.csv"])
def test_the_uploads_of_everybody_are_closed_also_below_an_open_folder(own, name):
    for ask in (require_inside, browse):
        with pytest.raises(DataError, match="administrator has opened") as caught:
            ask(own / name)
        assert caught.value.code == "E-PATH-OUTSIDE"


def test_the_folder_above_the_uploads_is_browsed_without_them_and_not_read_whole(house, own):
    found = browse(house / "lab")
    assert found.folders == (house / "lab" / "2024",)
    assert found.files == (house / "lab" / "a.h5ad", house / "public" / "c.h5ad")
    with pytest.raises(DataError, match="own data folder") as caught:
        require_inside(house / "lab")
    assert caught.value.code == "E-PATH-OUTSIDE"
    assert require_inside(house / "lab" / "a.h5ad") == house / "lab" / "a.h5ad"


def test_the_data_folder_is_no_root(house, own, monkeypatch):
    chosen = [str(own), str(own / "uploads"), str(house / "public")]
    monkeypatch.setenv("NEEDLE_DATA_ROOTS", os.pathsep.join(chosen))
    assert data_roots() == (house / "public",)


def test_a_folder_lists_what_may_be_read_and_nothing_else(house):
    found = browse(house / "lab")
    assert found.parent is None
    assert found.folders == (house / "lab" / "2024",)
    assert found.files == (house / "lab" / "a.h5ad", house / "public" / "c.h5ad")
    assert browse(house / "lab" / "2024").parent == house / "lab"


def test_a_folder_that_is_gone_is_refused(house):
    with pytest.raises(DataError, match="cannot be looked into") as caught:
        browse(house / "lab" / "2023")
    assert caught.value.code == "E-FILE-MISSING"


def test_a_long_list_is_cut_and_says_so(house, monkeypatch):
    monkeypatch.setattr(roots, "MOST_NAMES", 1)
    assert browse(house / "lab").is_cut
    assert not browse(house / "public").is_cut
