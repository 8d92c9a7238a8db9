"""Apply a model to a query: who is rare, how sure, and on what evidence."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.calls import call_scores, withdrawn_calls
from core.config import config_to_dict
from core.data import Dataset, GeneMatch
from core.errors import Finding
from core.model import RareCellModel
from core.query_findings import FULL_COVERAGE, coverage_findings, unlike_findings
from core.text import call_words, spreadsheet_text
from core.transfer import (
    FEWEST_CELLS,
    CalledShare,
    Transfer,
    called_share,
    cluster_votes,
    counted_share,
    transfer_scores,
    vote,
)
from core.transfer.findings import transfer_findings
from core.transfer_config import TransferConfig

__all__ = ["FULL_COVERAGE", "Annotation", "annotate", "call_cells", "write_cells"]


@dataclass(frozen=True, eq=False)
class Annotation:
    """Calls for every cell of a query.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per cell, in the query's order: ``cell``; ``score``, 0–1; ``call``, the rare type's
        name, ``"other"`` or ``"unsure"`` (``"not other"`` and ``"not unsure"`` for a rare type of
        that very name); ``rank``, 1 for the highest score; ``score_before``, 0–1, what the model
        said before the query's own structure had its part (the same without a transfer).
    threshold : float
        Score from which on a cell is called.
    unsure_width : float
        Cells less than this below the threshold, and above half of it, are ``"unsure"``.
    genes : GeneMatch
        Which of the model's genes the query has.
    findings : tuple of Finding
        What the reader of the result must know.
    model : RareCellModel
        What made it.
    dataset : Dataset
        The query.
    transfer : Transfer or None
        How the scores were carried over to this query; ``None`` for the model's own.
    """

    table: pd.DataFrame
    threshold: float
    unsure_width: float
    genes: GeneMatch
    findings: tuple[Finding, ...]
    model: RareCellModel
    dataset: Dataset
    transfer: Transfer | None = None

    @property
    def coverage(self) -> float:
        """Share (0–1) of the model's genes that the query has."""
        return self.genes.coverage

    @property
    def rare(self) -> str:
        """Name of the rare type."""
        return self.model.task.rare

    @property
    def unsure(self) -> str:
        """Word for the cells just below the threshold."""
        return call_words(self.rare)[1]

    @property
    def n_called(self) -> int:
        """Number of cells called rare."""
        return int((self.table["call"] == self.rare).sum())

    @property
    def n_unsure(self) -> int:
        """Number of cells just below the threshold."""
        return int((self.table["call"] == self.unsure).sum())

    @property
    def is_absent(self) -> bool:
        """Whether the query probably lacks the rare type: then its best cells are ``"unsure"``."""
        return self.transfer is not None and not self.transfer.verdict.is_present

    def with_threshold(self, threshold: float, *, anyway: bool = False) -> Annotation:
        """The same scores, called at another threshold (0–1).

        Parameters
        ----------
        threshold : float
            Score from which on a cell is called, 0–1.
        anyway : bool
            Call cells also where the query probably lacks the type.

        Raises
        ------
        ParameterError
            ``E-PARAMETER`` outside 0–1.
        """
        calls = call_scores(self.table["score"].to_numpy(), threshold, self.unsure_width, self.rare)
        if self.transfer is not None:
            calls = vote(self.transfer, calls, threshold, self._names)
        if self.is_absent and not anyway:
            calls = withdrawn_calls(self.table["score"].to_numpy(), threshold, self.rare)
        return replace(self, threshold=threshold, table=self.table.assign(call=calls))

    def clusters(self) -> pd.DataFrame:
        """Every cluster of the query, named by the calls and by the probabilities of its cells.

        See :func:`core.transfer.cluster_votes`; without rows where there was no transfer.
        """
        if self.transfer is None:
            return pd.DataFrame()
        scores = self.table["score"].to_numpy()
        calls = call_scores(scores, self.threshold, self.unsure_width, self.rare)
        return cluster_votes(self.transfer, calls, self.threshold, self._names)

    @property
    def _names(self) -> tuple[str, str]:
        return self.rare, call_words(self.rare)[0]

    @property
    def share(self) -> CalledShare | None:
        """Share of the rare type by these calls, with an interval; ``None`` without a transfer.

        Where whole clusters are called, the calls do not follow from the scores, and the interval
        is that of chance alone.
        """
        if self.transfer is None:
            return None
        share = called_share(self.table["score"].to_numpy(), self.threshold)
        if self.n_called == share.n_called:
            return share
        return counted_share(self.n_called, len(self.table)) if self.n_called else share.withdrawn()

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table as CSV, one row per cell.

        Names that a spreadsheet would take for a formula have a single quote before them: see
        :func:`core.text.spreadsheet_text`, which says how to get them back.
        """
        write_cells(self.table, path)

    def to_cell_ids(self, path: str | os.PathLike[str]) -> None:
        """Write the called cells' names, one per line, best first, for R's ``read.table``.

        A single quote stands before names that a spreadsheet would take for a formula, as in
        :meth:`to_csv`.
        """
        called = self.table[self.table["call"] == self.rare].sort_values("rank")
        Path(path).write_text(
            "".join(f"{spreadsheet_text(cell)}\n" for cell in called["cell"]), encoding="utf-8"
        )

    def to_h5ad(self, path: str | os.PathLike[str]) -> None:
        """Write the query with its calls as .h5ad.

        ``X`` holds the query's values as its file had them (log values of another total than
        10,000 apart: see the dataset's findings), ``obs["needle_call"]`` and
        ``obs["needle_score"]`` the result, ``uns["needle"]`` a JSON string that says how it was
        made. Names are those of the query, unchanged.
        """
        cells = self.dataset.to_anndata()
        cells.obs["needle_call"] = pd.Categorical(self.table["call"])
        cells.obs["needle_score"] = self.table["score"].to_numpy()
        cells.uns.pop("needle_totals", None)
        cells.uns["needle"] = json.dumps(self.describe())
        cells.write_h5ad(Path(path), compression="gzip")

    def describe(self) -> dict[str, object]:
        """How the calls were made, as plain values for JSON."""
        return {
            "rare": self.rare,
            "transfer": _describe(self),
            "threshold": self.threshold,
            "unsure_width": self.unsure_width,
            "n_called": self.n_called,
            "n_unsure": self.n_unsure,
            "genes_found": len(self.genes.found),
            "genes_missing": list(self.genes.missing),
            "findings": [asdict(finding) for finding in self.findings],
            "query": {"name": self.dataset.name, "digest": self.dataset.digest},
            "model": {
                "method": self.model.method,
                "genes": list(self.model.genes),
                "task": config_to_dict(self.model.task),
                "config": config_to_dict(self.model.config),
                "reference": dict(self.model.reference),
                "created": self.model.created,
            },
        }


def annotate(
    model: RareCellModel,
    dataset: Dataset,
    *,
    threshold: float | None = None,
    unsure_width: float = 0.1,
    transfer: TransferConfig | None = TransferConfig(),  # noqa: B008, frozen
) -> Annotation:
    """Call the rare cells of a query.

    Parameters
    ----------
    model : RareCellModel
        From :func:`core.train` or :func:`core.load_model`.
    dataset : Dataset
        Query cells; labels are not used.
    threshold : float or None
        Score (0–1) from which on a cell is called; by default where this query's scores divide, or
        the model's own without `transfer`.
    unsure_width : float
        Cells that fall short of the threshold by less than this, and have at least half of it, are
        ``"unsure"``.
    transfer : TransferConfig or None
        How scores and threshold are carried over to the query; ``None``: the model's own, as
        they were validated within its reference. A query of fewer than 50 cells gets these in any
        case.

    Returns
    -------
    Annotation
        With a finding ``W-GENES-REDUCED`` (50–90 % of the genes) or ``W-GENES-MISSING`` (90 % or
        more, but not all), and ``W-UNLIKE-REFERENCE`` when a tenth of the cells or more are unlike
        anything that the model was trained on, as :func:`core.novelty.unlike_cells` tells. With a
        transfer, ``W-TYPE-ABSENT`` when the query probably lacks the type (its best cells are
        ``"unsure"`` then), and ``W-QUERY-SHIFTED`` when its genes are measured very differently.

    Raises
    ------
    QueryMismatchError
        ``E-GENES-MISSING`` below 50 % of the model's genes.
    ParameterError
        ``E-PARAMETER`` when `threshold` or `unsure_width` is outside 0–1.

    Examples
    --------
    >>> import core
    >>> task = core.RareTask("bulk_labels", "CD34+")
    >>> config = core.TrainingConfig(markers=20)
    >>> model = core.train(core.demo_reference(), task, config, method="loras+knn")
    >>> core.annotate(model, core.demo_query()).coverage
    1.0
    """
    widths = {"threshold": threshold, "unsure_width": unsure_width}
    if transfer is None or dataset.n_cells < FEWEST_CELLS:
        return call_cells(model, dataset, model.score(dataset), **widths)
    model.require_genes(dataset)
    carried = transfer_scores(model, dataset, transfer)
    return call_cells(model, dataset, carried.scores, **widths, transfer=carried)


def write_cells(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table of cells as CSV, with names that no spreadsheet takes for a formula."""
    safe = {name: table[name].map(spreadsheet_text) for name in ("cell", "call")}
    table.assign(**safe).to_csv(path, index=False)


def call_cells(
    model: RareCellModel,
    dataset: Dataset,
    scores: npt.NDArray[np.float64],
    *,
    threshold: float | None = None,
    unsure_width: float = 0.1,
    transfer: Transfer | None = None,
) -> Annotation:
    """Make calls from scores, of shape (n_cells,), that `model` gave to `dataset` before."""
    match = model.match(dataset)
    table = pd.DataFrame({"cell": dataset.cells.astype(str), "score": scores, "call": ""})
    table["rank"] = table["score"].rank(method="first", ascending=False).astype(int)
    table["score_before"] = scores if transfer is None else transfer.before
    findings = coverage_findings(match, model, dataset) + unlike_findings(match, model, dataset)
    findings += transfer_findings(model, dataset, transfer)
    own = model.threshold if transfer is None else transfer.threshold
    result = Annotation(table, own, unsure_width, match, findings, model, dataset, transfer)
    return result.with_threshold(own if threshold is None else threshold)


def _describe(result: Annotation) -> dict[str, object] | None:
    transfer, share = result.transfer, result.share
    if transfer is None or share is None:
        return None
    return {
        "config": config_to_dict(transfer.config),
        "steps": list(transfer.steps),
        "verdict": asdict(transfer.verdict),
        "share": {name: getattr(share, name) for name in ("share", "low", "high")},
    }
