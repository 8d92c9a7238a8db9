"""What the reader of a transferred annotation must know of its query."""

from __future__ import annotations

from core.data import Dataset
from core.errors import Finding
from core.model import RareCellModel
from core.transfer.pipeline import Transfer

__all__ = ["transfer_findings"]

# A gene is measured very differently from this difference of the means on, in pooled standard
# deviations, which is a large effect twice over; and a query when half of its genes are.
_LARGE_SHIFT, _MOST_SHIFTED = 1.6, 0.5


def transfer_findings(
    model: RareCellModel, dataset: Dataset, transfer: Transfer | None
) -> tuple[Finding, ...]:
    """Say when a query is measured very differently, or probably lacks the rare type.

    Returns
    -------
    tuple of Finding
        ``W-QUERY-SHIFTED``, ``W-TYPE-ABSENT``; none without a transfer.
    """
    if transfer is None:
        return ()
    return (*_shifted(transfer), *_absent(model, dataset, transfer))


def _shifted(transfer: Transfer) -> tuple[Finding, ...]:
    shift = transfer.cells.shift["shift"].abs()
    n_large = int((shift >= _LARGE_SHIFT).sum())
    if n_large < _MOST_SHIFTED * len(shift):
        return ()
    return (
        Finding(
            "W-QUERY-SHIFTED",
            f"{n_large} of {len(shift)} genes are measured very differently in the query: their "
            f"means are apart by {_LARGE_SHIFT:g} standard deviations or more.",
            "Look at the shift of each gene: other tissue, another scale or another chemistry may "
            "be the reason.",
        ),
    )


def _absent(model: RareCellModel, dataset: Dataset, transfer: Transfer) -> tuple[Finding, ...]:
    verdict, rare = transfer.verdict, model.task.rare
    if verdict.is_present:
        return ()
    if verdict.nearest and verdict.nearest != rare and verdict.score >= 0.1:
        why = f"the {verdict.n_cells:,} most similar cells are more like {verdict.nearest}"
    else:
        why = "no group of its cells is clearly like them"
    return (
        Finding(
            "W-TYPE-ABSENT",
            f"{dataset.name} probably has no {rare}: {why}.",
            "Cells with a high score are called unsure: look at their markers before you decide. "
            "A sample enriched for the type needs unsorted cells of the same study beside it.",
        ),
    )
