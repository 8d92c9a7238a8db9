"""The task that reads files of cells.

A file that leaves questions open is no failure: the run is done, its summary holds the report with
the questions, and the upload stays where it is until somebody answers them.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.data import Dataset, FileReport, demo_query, demo_reference, open_dataset
from core.data.source import missing_file
from core.errors import ChoiceNeeded, DataError, ParameterError
from core.jobs.reporter import Reporter
from core.jobs.roots import require_inside
from core.jobs.uploads import has_upload, remove_upload

__all__ = ["has_offers", "may_be_query", "read"]

_NO_REFERENCE = {"E-LABEL-ONE-TYPE", "E-LABEL-COLUMN", "E-TOO-FEW-CELLS"}
_DEMO = {"reference": demo_reference, "query": demo_query}


def read(config: dict[str, Any], report: Reporter, folder: Path) -> dict[str, Any]:
    """Open what ``path`` (or several ``paths``) hold, or a ``demo`` part.

    ``choices`` are answers to earlier questions, ``role`` is what the cells are for, ``on_server``
    marks files that are read where they are, below a root of the administrator. An upload is
    removed afterwards unless its report leaves something to choose, or an answer may be changed.
    What was found in a file that is refused is told as an event ``report``, and as ``kept`` that
    its upload is needed again.

    Returns
    -------
    dict
        ``dataset``, ``name``, ``n_cells``, ``n_genes``; or ``question``, the report of a file that
        needs an answer first.
    """
    report.progress(None, "Reading and checking the cells")
    if "demo" in config:
        return _describe(_DEMO[config["demo"]]())
    is_needed_again = False
    try:
        dataset = _open(config, dict(config.get("choices") or {}))
        is_needed_again = has_offers(dataset.report) or bool(dataset.report.answers)
        return _describe(dataset)
    except ChoiceNeeded as question:
        is_needed_again = True
        return {"question": question.report.to_dict()}
    except DataError as error:
        # Another answer may make it good, and what is no reference may still be a query.
        is_needed_again = bool(config.get("choices")) or (
            config.get("role") == "reference" and may_be_query(error.report)
        )
        if error.report is not None:
            report.event("report", error.report.to_dict())
        if is_needed_again:
            report.event("kept", {})
        raise
    finally:
        if config.get("is_upload") and not is_needed_again:
            remove_upload(Path(config["path"]))


def has_offers(report: FileReport) -> bool:
    """Whether a file could be read in another way, too, should its owner want that."""
    return any(finding.code.startswith("W-") and finding.options for finding in report.findings)


def may_be_query(report: FileReport | None) -> bool:
    """Whether a file was refused for nothing but what a reference needs and a query does not."""
    if report is None:
        return False
    refusals = {finding.code for finding in report.findings if finding.code.startswith("E-")}
    return bool(refusals) and refusals <= _NO_REFERENCE


def _open(config: dict[str, Any], answers: dict[str, str]) -> Dataset:
    if config.get("is_upload") and not has_upload(config):
        raise DataError(
            "This file is not kept here any more.",
            code="E-FILE-MISSING",
            next_step="Load it again.",
        )
    name, role = config.get("name"), config.get("role")
    try:
        return open_dataset(_source(config), name=name, choices=answers, role=role)
    except ParameterError as error:
        # One answer may settle another question: what need not be answered any more is left out.
        if not error.unfit_answers:
            raise
        rest = {code: o for code, o in answers.items() if code not in error.unfit_answers}
        return _open(config, rest)
    except FileNotFoundError as error:  # removed while it was read
        raise missing_file(error.filename or config["path"]) from error
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise DataError(
            "What is in this file is larger than a dataset of Needle may be.",
            code="E-TOO-LARGE",
            next_step="Load a part of its cells.",
        ) from error


def _source(config: dict[str, Any]) -> Path | Sequence[Path]:
    if config.get("on_server"):
        return require_inside(Path(config["path"]))
    return [Path(path) for path in config.get("paths", ())] or Path(config["path"])


def _describe(dataset: Dataset) -> dict[str, Any]:
    return {
        "dataset": dataset.digest,
        "name": dataset.name,
        "n_cells": dataset.n_cells,
        "n_genes": dataset.n_genes,
    }
