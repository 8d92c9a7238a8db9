"""From a file to the canonical dataset: checked and converted once, kept by content digest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NoReturn

import anndata as ad

from core.data.canonical import is_kept, keep
from core.data.checks import check_cells
from core.data.choices import Choices
from core.data.dataset import Dataset, load_dataset
from core.data.reading import ReadCells, read_cells
from core.data.report import FileReport
from core.data.roles import refusals_as
from core.data.source import PathLike, Source
from core.errors import ChoiceNeeded, DataError, Finding, NeedleError

__all__ = ["check_file", "open_dataset", "store_dataset"]

Role = Literal["reference", "query"]


def open_dataset(
    path: PathLike | Sequence[PathLike],
    *,
    label: str | None = None,
    name: str | None = None,
    choices: Mapping[str, str] | None = None,
    role: Role | None = None,
) -> Dataset:
    """Open a file of cells: recognise it, check it, convert it once.

    The canonical copy is kept in the data folder under the SHA-256 of the content and of the
    answers, so that opening the same content again costs only the reading of that digest.

    Parameters
    ----------
    path : path-like or sequence of path-like
        A file, a folder, or files that belong together: see README for the formats. What they are
        is recognised by their content.
    label : str or None
        Column of ``obs`` that must be usable as cell types; implies ``role="reference"``.
    name : str or None
        What to call the dataset; by default the file's name without its ending.
    choices : mapping of str to str, optional
        Answers to the questions of this file: a code such as ``"C-ORIENTATION"`` and one of the
        options that :class:`ChoiceNeeded` brought for it. Offers (``W-`` codes with options) are
        taken up in the same way.
    role : {"reference", "query"} or None
        What it is going to be used for. A reference must have cell types to learn from; about the
        labels of a query nothing is asked or said.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        When it cannot be used; the codes are listed in README. ``error.report`` has every finding.
    ChoiceNeeded
        When something must be chosen first (``C-`` codes).
    ParameterError
        ``E-CHOICE`` for answers that do not fit the file.

    Examples
    --------
    >>> import core
    >>> core.demo_reference().n_cells
    525
    """
    answers, role = dict(choices or {}), "reference" if label is not None else role
    source = Source.of(path)
    name = name or _stem(source.name)
    digest = source.digest(answers)
    # Who names the column has answered which one it is.
    asked_as = role if label is None else "query"
    if not is_kept(digest):
        _convert(source, answers, digest=digest, name=name, role=asked_as)
    dataset = load_dataset(digest, name=name, file_name=source.name)
    refused = refusals_as(role, dataset, label)
    if refused:
        _refuse(replace(dataset.report, findings=(*refused, *dataset.report.findings)))
    _require_answers(dataset.report, asked_as)
    return dataset


def check_file(
    path: PathLike | Sequence[PathLike],
    *,
    choices: Mapping[str, str] | None = None,
    role: Role | None = None,
) -> FileReport:
    """Say what a file is, what would be repaired, what is odd and what must be chosen.

    Parameters
    ----------
    path, choices, role
        As for :func:`open_dataset`.

    Returns
    -------
    FileReport
        Also for files that :func:`open_dataset` refuses; nothing is raised for them.

    Raises
    ------
    ParameterError
        ``E-CHOICE`` for answers that do not fit the file.

    Examples
    --------
    >>> import core
    >>> core.check_file("no_such_file.h5ad").verdict
    'refused'
    """
    try:
        return open_dataset(path, choices=choices, role=role).report
    except DataError as error:
        if error.report is not None:
            return error.report
        refusal = Finding(error.code, error.message, error.next_step)
        name = path if isinstance(path, str | os.PathLike) else next(iter(path), "")
        return FileReport(Path(name).name, findings=(refusal,))


def store_dataset(
    adata: ad.AnnData, *, digest: str, name: str, choices: Mapping[str, str] | None = None
) -> None:
    """Check an AnnData and write its canonical file; the file appears whole or not at all.

    Parameters
    ----------
    adata : anndata.AnnData
        Cells × genes; left unchanged.
    digest : str
        SHA-256 of the content it was made from.
    name : str
        Name for the screen.
    choices : mapping of str to str, optional
        Answers to questions that its values may put.

    Raises
    ------
    DataError
        As :func:`open_dataset` does.
    """
    checked = check_cells(ReadCells(adata, "AnnData"), Choices(choices), name=name)
    _require_sound(checked.report, role=None)
    keep(checked, digest=digest, name=name)


def _convert(
    source: Source, answers: Mapping[str, str], *, digest: str, name: str, role: Role | None
) -> None:
    choices = Choices(answers)
    try:
        cells = read_cells(source, choices)
    except DataError as error:
        error.report = FileReport(
            source.name, n_bytes=source.n_bytes, findings=(_as_finding(error), *choices.findings)
        )
        raise
    checked = check_cells(cells, choices, name=source.name, n_bytes=source.n_bytes)
    choices.require_all_used()
    # An open question about labels does not change what is kept, and a query is not asked it.
    _require_sound(checked.report, role="query")
    _require_sound(checked.report, role=role)
    keep(checked, digest=digest, name=name)


def _require_sound(report: FileReport, *, role: Role | None) -> None:
    if any(finding.code.startswith("E-") for finding in report.findings):
        _refuse(report)
    _require_answers(report, role)


def _require_answers(report: FileReport, role: Role | None) -> None:
    for finding in report.findings:
        is_asked = role != "query" or not finding.code.startswith("C-LABEL")
        if finding.code.startswith("C-") and is_asked:
            error = ChoiceNeeded(
                finding.message,
                code=finding.code,
                options=finding.options,
                next_step=finding.next_step,
            )
            error.report = report
            raise error


def _refuse(report: FileReport) -> NoReturn:
    first = next(finding for finding in report.findings if finding.code.startswith("E-"))
    error = DataError(first.message, code=first.code, next_step=first.next_step)
    error.report = report
    raise error


def _as_finding(error: NeedleError) -> Finding:
    return Finding(error.code, error.message, error.next_step)


def _stem(name: str) -> str:
    stem = name
    for ending in (".gz", ".bz2", ".xz", ".zip"):
        stem = stem.removesuffix(ending)
    return Path(stem).stem or name
