"""The model library: named models, each a row of the database and the file ``models/<id>.skops``.

Content counts: who keeps the same model twice has it once.
"""

from __future__ import annotations

import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from core.errors import ModelFileError, ParameterError
from core.jobs.database import get_database, new_id
from core.jobs.engine import take_turn
from core.jobs.schema import LOCAL, MODELS, Run, State
from core.jobs.shelf import Model, as_model, file_of, mark_of, row_of
from core.model import load_model
from core.paths import models_folder

__all__ = [
    "LONGEST_NAME",
    "Model",
    "delete_model",
    "get_model",
    "models",
    "rename_model",
    "save_model",
    "tidy_models",
]

LONGEST_NAME = 200
SECONDS_OF_GRACE = 24 * 3600.0


def save_model(
    path: Path, *, name: str = "", owner: str = LOCAL, run_id: str | None = None
) -> Model:
    """Check a model file and keep a copy of it in the library.

    Parameters
    ----------
    path : pathlib.Path
        Model file; it stays where it is.
    name : str
        What to call it, at most 200 characters; the model's own title when it is empty.
    owner : str
        Whose it is going to be.
    run_id : str or None
        The training that wrote it.

    Returns
    -------
    Model
        The new one, or the one that this owner has kept from the same content before.

    Raises
    ------
    ModelFileError
        Those of :func:`core.load_model`.

    Examples
    --------
    >>> save_model(Path("cd34.skops"), name="CD34+, blood").name  # doctest: +SKIP
    'CD34+, blood'
    """
    model = load_model(path)
    part = models_folder() / f".{uuid.uuid4().hex}.part"
    try:
        shutil.copyfile(path, part)
        row = row_of(model, part) | {"id": new_id(), "owner": owner, "run_id": run_id}
        row["name"] = (name.strip() or model.title)[:LONGEST_NAME]
        return get_model(_enter(row, part))
    finally:
        part.unlink(missing_ok=True)


def models(owner: str | None = None, text: str = "") -> list[Model]:
    """Return models, newest first.

    Parameters
    ----------
    owner : str or None
        Whose; ``None`` for everybody's.
    text : str
        Part of the name, rare type, method or reference in small or capital letters, or a gene.
    """
    query = select(MODELS).order_by(MODELS.c.created.desc(), MODELS.c.id)
    if owner is not None:
        query = query.where(MODELS.c.owner == owner)
    with get_database().engine.connect() as connection:
        found = [as_model(row) for row in connection.execute(query)]
    return [model for model in found if model.mentions(text)]


def get_model(model_id: str, owner: str | None = None) -> Model:
    """Return one model; with `owner`, only if it is theirs.

    Raises
    ------
    ModelFileError
        ``E-MODEL-UNKNOWN`` when there is none with this id, or it belongs to somebody else.
    """
    with get_database().engine.connect() as connection:
        row = connection.execute(select(MODELS).where(*_is(model_id, owner))).one_or_none()
    if row is None:
        raise _unknown(model_id)
    return as_model(row)


def rename_model(model_id: str, name: str, owner: str | None = None) -> Model:
    """Give a model another name.

    Raises
    ------
    ModelFileError
        ``E-MODEL-UNKNOWN``, as :func:`get_model`.
    ParameterError
        ``E-MODEL-NAME`` for a name that is empty or longer than 200 characters.
    """
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise ParameterError(
            f"`name` must be 1 to {LONGEST_NAME} characters long. Got {len(name):,}.",
            code="E-MODEL-NAME",
            next_step="Choose another name.",
        )
    with get_database().engine.begin() as connection:
        change = update(MODELS).where(*_is(model_id, owner)).values(name=name)
        if not connection.execute(change).rowcount:
            raise _unknown(model_id)
    return get_model(model_id)


def delete_model(model_id: str, owner: str | None = None) -> None:
    """Forget a model and remove its file.

    Raises
    ------
    ModelFileError
        ``E-MODEL-UNKNOWN``, as :func:`get_model`.
    """
    path = get_model(model_id, owner).path
    with get_database().engine.begin() as connection:
        take_turn(connection)
        mark_of(path).touch()  # if this is cut short, the next start goes on with it
        connection.execute(delete(MODELS).where(*_is(model_id, owner)))
    path.unlink(missing_ok=True)
    mark_of(path).unlink(missing_ok=True)


def tidy_models() -> None:
    """Bring folder and library into line: at a server's start, after whatever happened before.

    What was half kept or half deleted is removed. Files that runs of Needle 0.1.0 have imported get
    a row. Any other file stays, whatever it is: the database may be new because the old one was
    lost, and the models in the folder are all that is left.
    """
    with get_database().engine.begin() as connection:
        take_turn(connection)  # so nobody is between a file and its row
        known = set(connection.scalars(select(MODELS.c.id)))
        for marker in models_folder().glob(".*.unsure"):
            model_id = marker.name.removeprefix(".").removesuffix(".unsure")
            if model_id not in known:
                file_of(model_id).unlink(missing_ok=True)
            marker.unlink(missing_ok=True)
    oldest = time.time() - SECONDS_OF_GRACE
    for part in models_folder().glob(".*.part"):
        with suppress(OSError):  # its writer was faster
            if part.stat().st_mtime < oldest:
                part.unlink()
    _adopt_imports(known)


def _adopt_imports(known: set[str]) -> None:
    for run in get_database().runs("import_model", State.DONE, None):
        path = file_of(Path(run.summary["model"]).stem)
        if path.stem not in known and path.exists():
            with suppress(ModelFileError):  # it stays as it is, for its owner to look at
                _adopt(run, path)


def _adopt(run: Run, path: Path) -> None:
    row = row_of(load_model(path), path) | {"id": path.stem, "owner": run.owner, "run_id": None}
    name = Path(run.title).stem or run.summary["title"]
    with get_database().engine.begin() as connection:
        take_turn(connection)
        if not connection.scalar(select(MODELS.c.id).where(MODELS.c.id == path.stem)):
            connection.execute(insert(MODELS).values(**row, name=name[:LONGEST_NAME]))


def _enter(row: dict[str, Any], part: Path) -> str:
    """Enter a row and give its file its name, unless the content is there; return the row's id."""
    path = file_of(row["id"])
    with get_database().engine.begin() as connection:
        take_turn(connection)
        same = _same_content(connection, row)
        if same is not None:
            if not file_of(same).exists():  # somebody has cleared up by hand
                part.replace(file_of(same))
            if row["run_id"]:  # it had come as a file, and now it is known from where
                change = update(MODELS).where(MODELS.c.id == same, MODELS.c.run_id.is_(None))
                connection.execute(change.values(run_id=row["run_id"]))
            return same
        # Until row and file are both there, a mark says that they may not be.
        mark_of(path).touch()
        part.replace(path)
        connection.execute(insert(MODELS).values(**row))
    mark_of(path).unlink(missing_ok=True)
    return row["id"]


def _same_content(connection: Connection, row: dict[str, Any]) -> str | None:
    here = (MODELS.c.owner == row["owner"]) & (MODELS.c.sha256 == row["sha256"])
    query = select(MODELS.c.id).where(here).order_by(MODELS.c.created, MODELS.c.id)
    return connection.scalars(query).first()


def _is(model_id: str, owner: str | None) -> list[Any]:
    here = [MODELS.c.id == model_id]
    return here if owner is None else [*here, MODELS.c.owner == owner]


def _unknown(model_id: str) -> ModelFileError:
    return ModelFileError(
        f"There is no model with the id {model_id!r} in the library.",
        code="E-MODEL-UNKNOWN",
        next_step="It may have been deleted; look it up on the page Models.",
    )
