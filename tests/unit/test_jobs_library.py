"""The model library: a row and a file, both or none, each owner's own."""

import hashlib
import os
import shutil
import time
import uuid
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError

import core
from core import jobs
from core.errors import ModelFileError, ParameterError
from core.jobs import State, get_database, library
from core.jobs.library import (
    Model,
    delete_model,
    get_model,
    models,
    rename_model,
    save_model,
    tidy_models,
)
from core.jobs.schema import MODELS, RUNS
from core.jobs.tasks import TASKS
from core.model import load_model
from core.paths import models_folder, uploads_folder

ARCHIVE = Path(__file__).parents[1] / "archive"
LR, KNN = ARCHIVE / "model-1.skops", ARCHIVE / "model-2.skops"


@pytest.fixture(autouse=True)
def home(fresh_home):
    """Every test begins with an empty library."""
    yield fresh_home
    get_database().close()


def files():
    return sorted(path.name for path in models_folder().iterdir())


def unknown(function, *arguments):
    with pytest.raises(ModelFileError, match="There is no model with the id") as caught:
        function(*arguments)
    assert caught.value.code == "E-MODEL-UNKNOWN"
    return caught.value.message


# Keeping ------------------------------------------------------------------------------------------


def test_a_kept_model_says_what_its_file_says():
    kept = save_model(LR, name="  CD34+, blood ", owner="ada", run_id="r1")
    content, model = LR.read_bytes(), load_model(LR)
    assert kept == get_model(kept.id)
    assert (kept.owner, kept.name, kept.run_id) == ("ada", "CD34+, blood", "r1")
    assert (kept.method, kept.label, kept.rare) == ("loras+lr", "bulk_labels", "CD34+")
    assert kept.genes == model.genes
    assert kept.metrics == model.metrics
    assert kept.reference == model.reference
    assert kept.created.isoformat() == model.created
    assert kept.sha256 == hashlib.sha256(content).hexdigest()
    assert kept.size == len(content)
    assert kept.path == models_folder() / f"{kept.id}.skops"
    assert kept.path.read_bytes() == content
    assert files() == [f"{kept.id}.skops"]
    with pytest.raises(FrozenInstanceError):
        kept.name = "other"


def test_a_model_without_a_name_is_called_by_its_title():
    kept = save_model(LR, name="  ")
    assert kept.name == kept.title == load_model(LR).title
    assert kept.owner == jobs.LOCAL


def test_a_name_is_cut_at_two_hundred_characters():
    assert save_model(LR, name="x" * 500).name == "x" * 200


def test_the_same_content_is_kept_once_for_each_owner():
    first = save_model(LR, name="one")
    assert save_model(LR, name="two") == first
    other = save_model(LR, name="three", owner="ada")
    assert other.id != first.id
    assert files() == sorted([f"{first.id}.skops", f"{other.id}.skops"])
    assert save_model(KNN).id not in (first.id, other.id)


def test_a_model_that_came_as_a_file_learns_from_which_training_it_is():
    assert save_model(LR).run_id is None
    assert save_model(LR, run_id="r1").run_id == "r1"
    assert save_model(LR, run_id="r2").run_id == "r1"


def test_keeping_again_brings_back_a_file_that_was_removed_by_hand():
    kept = save_model(LR)
    kept.path.unlink()
    assert save_model(LR) == kept
    assert kept.path.read_bytes() == LR.read_bytes()


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"text", "E-MODEL-FILE"), (b"\x80\x04.", "E-MODEL-PICKLE"), (b"PK..", "E-MODEL-DAMAGED")],
)
def test_what_is_no_model_is_not_kept(tmp_path, content, code):
    path = tmp_path / "model.skops"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.skops") as caught:
        save_model(path)
    assert caught.value.code == code
    assert (models(), files()) == ([], [])


# Finding ------------------------------------------------------------------------------------------


def test_models_are_listed_newest_first_and_each_owner_sees_their_own():
    old, new = save_model(LR, owner="ada"), save_model(KNN, owner="ada")
    theirs = save_model(LR, owner="bob")
    assert old.created < new.created
    assert models("ada") == [new, old]
    assert models("bob") == [theirs]
    assert models("eve") == []
    assert {model.id for model in models()} == {old.id, new.id, theirs.id}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "both"),
        ("first", "lr"),
        ("FIRST", "lr"),
        (" first ", "lr"),
        ("cd34", "both"),
        ("LoRAS + knn", "knn"),
        ("loras+lr", "lr"),
        ("pbmc", "both"),
        ("egfl7", "both"),
        ("egf", "none"),
        ("%", "none"),
        ("other", "none"),
    ],
)
def test_a_search_looks_into_names_types_methods_references_and_for_whole_genes(text, found):
    lr, knn = save_model(LR, name="My first"), save_model(KNN, name="My second")
    wanted = {"both": {lr.id, knn.id}, "lr": {lr.id}, "knn": {knn.id}, "none": set()}[found]
    assert {model.id for model in models(text=text)} == wanted


def test_an_id_that_is_not_there_is_unknown():
    for id_ in ("zzz", "", "../needle", "a' OR '1'='1"):
        unknown(get_model, id_)
        unknown(rename_model, id_, "name")
        unknown(delete_model, id_)


def test_somebody_elses_model_is_as_unknown_as_one_that_is_not_there():
    kept = save_model(LR, name="mine", owner="ada")
    message = unknown(get_model, kept.id, "bob")
    assert message == unknown(get_model, "z" * 12, "bob").replace("z" * 12, kept.id)
    unknown(rename_model, kept.id, "stolen", "bob")
    unknown(delete_model, kept.id, "bob")
    assert get_model(kept.id, "ada") == kept
    assert kept.path.exists()


# Renaming and deleting ----------------------------------------------------------------------------


def test_renaming_changes_the_name_and_nothing_else():
    kept, other = save_model(LR, name="one"), save_model(KNN, name="two")
    renamed = rename_model(kept.id, " Blood stem cells · 血 ", jobs.LOCAL)
    assert renamed.name == "Blood stem cells · 血"
    assert {**vars(renamed), "name": "one"} == vars(kept)
    assert get_model(other.id) == other


@pytest.mark.parametrize("name", ["", "   ", "x" * 201])
def test_a_name_that_is_empty_or_too_long_is_refused(name):
    kept = save_model(LR, name="one")
    with pytest.raises(ParameterError, match="1 to 200 characters") as caught:
        rename_model(kept.id, name)
    assert caught.value.code == "E-MODEL-NAME"
    assert get_model(kept.id).name == "one"


def test_deleting_removes_row_and_file_of_this_model_alone():
    kept, other = save_model(LR), save_model(KNN)
    delete_model(kept.id, jobs.LOCAL)
    unknown(get_model, kept.id)
    assert models() == [other]
    assert files() == [f"{other.id}.skops"]


# What a crash leaves ------------------------------------------------------------------------------


class Crash(BaseException):
    """The process ends here, as by SIGKILL: nothing catches this."""


def crash(*_arguments, **_names):
    raise Crash


# What is done last before the crash, by the name under which the library calls it.
MOMENTS = ("copyfile", "row_of", "_same_content", "insert")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_while_a_model_is_kept_leaves_neither_row_nor_file(monkeypatch, moment):
    other = save_model(KNN)
    with monkeypatch.context() as patch:
        patch.setattr(library.shutil if moment == "copyfile" else library, moment, crash)
        patch.setattr(Path, "unlink", crash)  # nor can it clear up behind itself
        with pytest.raises(Crash):
            save_model(LR)
    assert models() == [other]
    make_old(models_folder())
    tidy_models()
    assert models() == [other]
    assert files() == [f"{other.id}.skops"]


def make_old(folder):
    two_days_ago = time.time() - 2 * 24 * 3600
    for path in folder.iterdir():
        os.utime(path, (two_days_ago, two_days_ago))


def test_a_crash_right_after_keeping_loses_nothing(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", crash)
        with pytest.raises(Crash):
            save_model(LR, name="kept")
    tidy_models()
    (kept,) = models()
    assert kept.name == "kept"
    assert files() == [f"{kept.id}.skops"]
    assert kept.path.read_bytes() == LR.read_bytes()


@pytest.mark.parametrize("moment", ["delete", "unlink"])
def test_a_crash_while_a_model_is_deleted_leaves_both_or_none(monkeypatch, moment):
    kept = save_model(LR)
    with monkeypatch.context() as patch:
        patch.setattr(Path if moment == "unlink" else library, moment, crash)
        with pytest.raises(Crash):
            delete_model(kept.id)
    tidy_models()
    assert [model.id for model in models()] == ([kept.id] if moment == "delete" else [])
    assert files() == ([f"{kept.id}.skops"] if moment == "delete" else [])


def test_a_database_that_fails_keeps_nothing(monkeypatch):
    def fail(*_arguments):
        raise OperationalError("INSERT", {}, Exception("disk full"))

    with monkeypatch.context() as patch:
        patch.setattr(library, "insert", fail)
        with pytest.raises(OperationalError, match="disk full"):
            save_model(LR)
    assert models() == []
    tidy_models()
    assert files() == []


def test_a_copy_that_is_just_being_made_is_left_alone():
    part = models_folder() / ".0123.part"
    part.write_bytes(b"half")
    tidy_models()
    assert part.exists()
    make_old(models_folder())
    tidy_models()
    assert not part.exists()


def test_models_of_a_lost_database_are_not_deleted(home):
    kept = save_model(LR)
    get_database().close()
    for path in home.glob("needle.db*"):
        path.unlink()
    from core.jobs import database

    database._databases.clear()
    make_old(models_folder())
    tidy_models()
    assert models() == []
    assert files() == [f"{kept.id}.skops"]


def test_files_that_somebody_put_into_the_folder_stay():
    (models_folder() / "mine.skops").write_bytes(LR.read_bytes())
    make_old(models_folder())
    tidy_models()
    assert files() == ["mine.skops"]


# Models that earlier versions imported ------------------------------------------------------------


def old_import(content, *, title="from a friend.skops", owner=jobs.LOCAL, state=State.DONE):
    """Leave what the import of Needle 0.1.0 left: a file, and a run that names it."""
    path = models_folder() / f"{uuid.uuid4().hex}.skops"
    path.write_bytes(content)
    run_id = get_database().create("import_model", {}, title=title, owner=owner)
    summary = {"model": str(path), "title": "CD34+ · loras+lr"}
    with get_database().engine.begin() as connection:
        change = update(RUNS).where(RUNS.c.id == run_id)
        connection.execute(change.values(state=state, summary=summary))
    return path


def test_a_model_that_an_earlier_version_imported_is_adopted_where_it_is():
    path = old_import(LR.read_bytes(), owner="ada")
    tidy_models()
    (adopted,) = models()
    assert adopted.path == path
    assert (adopted.name, adopted.owner, adopted.run_id) == ("from a friend", "ada", None)
    assert adopted.sha256 == hashlib.sha256(LR.read_bytes()).hexdigest()
    tidy_models()
    assert models() == [adopted]
    assert path.read_bytes() == LR.read_bytes()


def test_two_imports_of_one_file_keep_their_paths():
    paths = {old_import(LR.read_bytes()), old_import(LR.read_bytes())}
    tidy_models()
    assert {model.path for model in models()} == paths


def test_an_import_that_is_damaged_or_gone_is_neither_adopted_nor_removed():
    damaged, gone = old_import(b"PK damaged"), old_import(LR.read_bytes())
    gone.unlink()
    tidy_models()
    assert models() == []
    assert files() == [damaged.name]


def test_a_model_that_was_deleted_is_not_adopted_again():
    old_import(LR.read_bytes())
    tidy_models()
    delete_model(models()[0].id)
    tidy_models()
    assert (models(), files()) == ([], [])


# The task -----------------------------------------------------------------------------------------


class Silent:
    """A reporter that nobody listens to."""

    def progress(self, fraction, message):
        pass


def upload(content=None):
    path = uploads_folder() / uuid.uuid4().hex / "CD34 of the clinic.skops"
    path.parent.mkdir()
    path.write_bytes(LR.read_bytes() if content is None else content)
    return path


def test_an_import_puts_the_file_into_the_library_of_the_runs_owner():
    path = upload()
    run_id = get_database().create("import_model", {}, owner="ada")
    config = {"path": str(path), "name": path.name, "is_upload": True}
    summary = TASKS["import_model"](config, Silent(), jobs.run_folder(run_id).with_name(
        f".{run_id}.part"
    ))  # fmt: skip
    (kept,) = models("ada")
    assert summary["model_id"] == kept.id
    assert summary["model"] == str(kept.path)
    assert summary["title"] == load_model(LR).title
    assert kept.name == "CD34 of the clinic"
    assert not path.exists()


def test_an_import_of_the_same_file_again_names_the_model_that_is_there():
    summaries = [
        TASKS["import_model"]({"path": str(upload()), "name": "a.skops"}, Silent(), Path("x"))
        for _ in range(2)
    ]
    assert summaries[0] == summaries[1]
    assert len(models()) == len(files()) == 1


def test_the_library_and_the_public_names_agree_on_what_a_model_is():
    kept = save_model(KNN)
    assert isinstance(kept, Model)
    assert core.load_model(kept.path).title == kept.title


def test_rows_without_scores_are_read_as_models_without_scores():
    kept = save_model(LR)
    values = {**vars(kept), "id": "b" * 12, "metrics": None, "sha256": "0" * 64}
    shutil.copyfile(LR, models_folder() / f"{'b' * 12}.skops")
    with get_database().engine.begin() as connection:
        connection.execute(insert(MODELS).values(**values))
    assert get_model("b" * 12).metrics == {}
