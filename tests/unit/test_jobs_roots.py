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
