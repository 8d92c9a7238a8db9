"""The model that a user keeps: fitted on all cells, saved without pickle."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from core.config import Method, RareTask, TrainingConfig, config_from_dict, config_to_dict
from core.data import Dataset, GeneMatch, match_genes
from core.errors import ModelFileError, QueryMismatchError
from core.evaluation import DECISION, iter_folds
from core.fitting import fit_method, rare_scores
from core.markers import rank_markers
from core.summary import CrossValidation, summarise

__all__ = ["MIN_COVERAGE", "RareCellModel", "fit_model", "load_model", "train"]

# Below this share of the model's genes a score says more about what is missing than about cells.
MIN_COVERAGE = 0.5

_FORMAT = 1
_HEADER = "needle.json"
_HEADER_FIELDS = ("method", "genes", "threshold", "metrics", "reference", "n_synthetic", "created")
# What zipfile, json and skops raise for a file that is cut short, altered or made up.
_UNREADABLE = (
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, eq=False)
class RareCellModel:
    """A classifier for one rare cell type, with everything needed to apply and explain it.

    Parameters
    ----------
    genes : tuple of str
        Marker genes, in the order of the classifier's features.
    task : RareTask
        What it was trained for.
    config : TrainingConfig
        How.
    method : str
        For example ``"loras+knn"``.
    threshold : float
        Score (0–1) from which on a cell is called rare.
    metrics : mapping
        The method's row of the cross-validation; empty when there were too few rare cells.
    pipeline : sklearn.pipeline.Pipeline
        Fitted scaler and classifier.
    n_synthetic : int
        Synthetic cells that the final fit used.
    reference : mapping
        Name, digest, ``n_cells`` and ``n_rare`` of the reference.
    created : str
        Date and time, UTC, ISO 8601.
    """

    genes: tuple[str, ...]
    task: RareTask
    config: TrainingConfig
    method: str
    threshold: float
    metrics: Mapping[str, float]
    pipeline: Pipeline
    n_synthetic: int
    reference: Mapping[str, Any]
    created: str

    @property
    def title(self) -> str:
        """One line for a list of models."""
        return (
            f"{self.task.rare} · {self.method} · {len(self.genes)} genes · {self.reference['name']}"
        )

    def match(self, dataset: Dataset) -> GeneMatch:
        """Look the model's genes up in a dataset, by name."""
        return match_genes(dataset.genes, self.genes)

    def score(self, dataset: Dataset) -> npt.NDArray[np.float64]:
        """Score every cell of a dataset.

        A gene that the dataset lacks is given its mean over the reference, so that it speaks
        neither for nor against a cell.

        Parameters
        ----------
        dataset : Dataset
            Query cells.

        Returns
        -------
        array of shape (n_cells,)
            Scores, 0–1.

        Raises
        ------
        QueryMismatchError
            ``E-GENES-MISSING`` when fewer than half of the genes are there.
        """
        match = self.match(dataset)
        if match.coverage < MIN_COVERAGE:
            raise self.mismatch(match, dataset)
        values = np.tile(self.pipeline[0].mean_.astype(np.float32), (dataset.n_cells, 1))
        there = np.isin(self.genes, match.found)
        values[:, there] = dataset.expression(match.found)
        return rare_scores(self.pipeline, values)

    def mismatch(self, match: GeneMatch, dataset: Dataset) -> QueryMismatchError:
        """The refusal of a query that has too few of the genes, with examples of both names."""
        mine, theirs = ", ".join(self.genes[:4]), ", ".join(map(str, dataset.genes[:4]))
        return QueryMismatchError(
            f"Only {len(match.found)} of the model's {len(self.genes)} genes are in the query. "
            f"The model has names like {mine}; the query has names like {theirs}.",
            code="E-GENES-MISSING",
            next_step="Use a query of the same species and with the same kind of gene names "
            "(symbols or Ensembl ids).",
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file: skops, no pickle, with a readable JSON header.

        Parameters
        ----------
        path : path-like
            File to write; an existing one is replaced.
        """
        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        header = {
            "format": _FORMAT,
            "task": config_to_dict(self.task),
            "config": config_to_dict(self.config),
        } | {name: getattr(self, name) for name in _HEADER_FIELDS}
        skops.io.dump(self.pipeline, part)
        with zipfile.ZipFile(part, "a") as archive:
            archive.writestr(_HEADER, json.dumps(header))
        os.replace(part, path)


def train(
    dataset: Dataset, task: RareTask, config: TrainingConfig, *, method: str | None = None
) -> RareCellModel:
    """Train the final model on all labelled cells.

    Parameters
    ----------
    dataset : Dataset
        Reference cells.
    task : RareTask
        Label column and rare type.
    config : TrainingConfig
        Settings and seed.
    method : str or None
        For example ``"loras+knn"``: fitted at once, without scores. ``None``: every method of
        `config` is cross-validated, and the recommended one is fitted and carries its scores.

    Returns
    -------
    RareCellModel

    Raises
    ------
    ParameterError
        As :func:`core.iter_folds`; with a `method`, 2 rare cells are enough.
    DataError
        ``E-LABEL-COLUMN`` or ``E-LABEL-ONE-TYPE``.

    Examples
    --------
    >>> import core
    >>> task = core.RareTask("bulk_labels", "CD34+")
    >>> config = core.TrainingConfig(markers=20)
    >>> model = core.train(core.demo_reference(), task, config, method="loras+knn")
    >>> model.n_synthetic
    505
    """
    if method is not None:
        return fit_model(dataset, task, config, method)
    cross_validation = summarise(iter_folds(dataset, task, config))
    return fit_model(dataset, task, config, cross_validation.recommended, cross_validation)


def fit_model(
    dataset: Dataset,
    task: RareTask,
    config: TrainingConfig,
    method: str,
    cross_validation: CrossValidation | None = None,
) -> RareCellModel:
    """Fit one method on all labelled cells; `cross_validation` lends the model its metrics."""
    truth = dataset.rare_labels(task)
    matrix = dataset.matrix()[truth.rows]
    markers = rank_markers(matrix, dataset.genes, truth.is_rare, config.marker_config())["gene"]
    columns = dataset.genes.get_indexer(pd.Index(markers, dtype=object))
    pipeline, n_synthetic = fit_method(
        matrix[:, columns].toarray(), truth.is_rare, Method.parse(method), config, seed=config.seed
    )
    row = {} if cross_validation is None else cross_validation.table.loc[method].to_dict()
    return RareCellModel(
        genes=tuple(markers),
        task=task,
        config=config,
        method=method,
        threshold=DECISION,
        metrics={name: None if pd.isna(value) else float(value) for name, value in row.items()},
        pipeline=pipeline,
        n_synthetic=n_synthetic,
        reference={
            "name": dataset.name,
            "digest": dataset.digest,
            "n_cells": dataset.n_cells,
            "n_rare": truth.n_rare,
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def load_model(path: str | os.PathLike[str]) -> RareCellModel:
    """Load a model that :meth:`RareCellModel.save` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : path-like
        Model file.

    Returns
    -------
    RareCellModel
        Gives the same scores as the one that was saved.

    Raises
    ------
    ModelFileError
        ``E-MODEL-PICKLE`` for a pickle or joblib file, ``E-MODEL-FILE`` for any other file that is
        no Needle model, ``E-MODEL-DAMAGED``, ``E-MODEL-FORMAT`` for a newer format, or
        ``E-MODEL-UNTRUSTED`` when the file wants types that no Needle model has.
    """
    path = Path(path)
    header = read_header(path)
    if header.get("format") != _FORMAT:
        raise ModelFileError(
            f"{path.name} has model format {header.get('format')}; this Needle reads {_FORMAT}.",
            code="E-MODEL-FORMAT",
            next_step="Update Needle, or save the model again with this version.",
        )
    try:
        surplus = skops.io.get_untrusted_types(file=path)
        if surplus:
            raise _untrusted(path, surplus)
        return _assemble(header, skops.io.load(path, trusted=[]))
    except _UNREADABLE as error:
        raise _damaged(path) from error


def read_header(path: Path) -> dict[str, Any]:
    """Read the JSON header of a model file without loading the model.

    Raises
    ------
    ModelFileError
        ``E-MODEL-PICKLE``, ``E-MODEL-FILE`` or ``E-MODEL-DAMAGED``.
    """
    head = _first_bytes(path)
    if _is_pickle(head):
        raise ModelFileError(
            f"{path.name} is a Python pickle. Opening one runs whatever code is in it, "
            "so Needle never does.",
            code="E-MODEL-PICKLE",
            next_step="Ask for the .skops file that `Save model` writes.",
        )
    if not head.startswith(b"PK"):
        raise _no_model(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if _HEADER not in archive.namelist():
                raise _no_model(path)
            header = json.loads(archive.read(_HEADER))
    except _UNREADABLE as error:
        raise _damaged(path) from error
    if not isinstance(header, dict):
        raise _damaged(path)
    return header


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise _no_model(path) from error


def _is_pickle(head: bytes) -> bool:
    """Whether a file starts like a pickle, or like one that joblib compressed."""
    with suppress(zlib.error):  # raised by what is not compressed
        # At most one byte is unpacked; 47 lets zlib take its own and gzip's layout.
        head = zlib.decompressobj(wbits=47).decompress(head, 1)
    return head.startswith(b"\x80")


def _assemble(header: dict[str, Any], pipeline: Pipeline) -> RareCellModel:
    fields = {name: header[name] for name in _HEADER_FIELDS}
    fields["genes"] = tuple(fields["genes"])
    _check_parts(fields, pipeline)
    return RareCellModel(
        task=config_from_dict(RareTask, header["task"]),
        config=config_from_dict(TrainingConfig, header["config"]),
        pipeline=pipeline,
        **fields,
    )


def _check_parts(fields: dict[str, Any], pipeline: Pipeline) -> None:
    """Raise ValueError (or what comes of a wrong type) for a header that is not this pipeline's."""
    scaler, classifier = (step for _, step in pipeline.steps)
    if type(scaler) is not StandardScaler or list(classifier.classes_) != [False, True]:
        raise ValueError("not a scaler followed by a classifier of rare cells")
    if {scaler.n_features_in_, classifier.n_features_in_} != {len(fields["genes"])}:
        raise ValueError("the header's genes do not belong to this pipeline")
    if not 0 <= fields["threshold"] <= 1:
        raise ValueError("the threshold is no score")
    Method.parse(fields["method"])
    fields["reference"]["name"]


def _no_model(path: Path) -> ModelFileError:
    return ModelFileError(
        f"{path.name} is no model that Needle wrote.",
        code="E-MODEL-FILE",
        next_step="Choose a .skops file from `Save model`.",
    )


def _damaged(path: Path) -> ModelFileError:
    return ModelFileError(
        f"{path.name} is damaged: it is cut short, or was altered after it was saved.",
        code="E-MODEL-DAMAGED",
        next_step="Download or save it again.",
    )


def _untrusted(path: Path, types: list[str]) -> ModelFileError:
    return ModelFileError(
        f"{path.name} wants to load {', '.join(types[:3])}, which no Needle model contains.",
        code="E-MODEL-UNTRUSTED",
        next_step="Do not use this file; ask its sender for a model saved by Needle.",
    )
