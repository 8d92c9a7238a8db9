"""What the reader of an annotation must know of its query: genes that are missing, other cells."""

from __future__ import annotations

import numpy as np

from core.data import Dataset, GeneMatch
from core.errors import Finding
from core.model import RareCellModel
from core.novelty import RARELY, unlike_cells
from core.text import percent_text

__all__ = ["FULL_COVERAGE", "coverage_findings", "unlike_findings"]

# From this share of the model's genes on, a result counts as full.
FULL_COVERAGE = 0.9
# Share of unlike cells from which on a query is said to be unlike the reference. Of the reference's
# own cells it is 0.01; of other studies of the same tissue it was at most 0.05, and of another
# tissue 0.2 and more. Fewer cells than the second number may be chance.
_MANY_UNLIKE, _LEAST_UNLIKE = 0.1, 5
# Enough to tell the share; a page must not wait for the distances of a million cells.
_MOST_LOOKED_AT = 10_000
_CHECK_NAMES = ". Load the query with all of its genes if it was cut down to some."


def coverage_findings(
    match: GeneMatch, model: RareCellModel, dataset: Dataset
) -> tuple[Finding, ...]:
    """Say which of the model's genes a query lacks, and how it might have more of them.

    Returns
    -------
    tuple of Finding
        ``W-GENES-MISSING`` when 90 % or more are there, else ``W-GENES-REDUCED``.
    """
    if not match.missing:
        return ()
    advice = model.name_advice(dataset)
    some = ", ".join(match.missing[:6]) + (" …" if len(match.missing) > 6 else "")
    filled = (
        f"{len(match.missing)} of the model's {len(match.found) + len(match.missing)} genes are "
        f"not in the query ({some}). The model was fitted anew, on the same reference cells, with "
        f"the {len(match.found)} that are there."
    )
    if match.coverage >= FULL_COVERAGE:
        return (Finding("W-GENES-MISSING", filled, advice or "Nothing needs to be done."),)
    return (
        Finding(
            "W-GENES-REDUCED",
            f"Reduced result: {filled}",
            "Expect missed cells and false calls, since the scores were measured with all genes"
            + (f". {advice}" if advice else _CHECK_NAMES),
        ),
    )


def unlike_findings(
    match: GeneMatch, model: RareCellModel, dataset: Dataset
) -> tuple[Finding, ...]:
    """Say when many cells are farther from the training cells than these are from each other.

    Returns
    -------
    tuple of Finding
        ``W-UNLIKE-REFERENCE`` for a tenth of the cells or more; see
        :func:`core.novelty.unlike_cells` for what it cannot see.
    """
    values = dataset.expression(match.found)
    step = -(-len(values) // _MOST_LOOKED_AT)
    unlike = unlike_cells(
        model.training_values[:, np.isin(model.genes, match.found)],
        model.training_is_rare,
        values[::step],
        seed=model.config.seed,
    )
    n, n_unlike = len(unlike), int(unlike.sum())
    if n_unlike < max(_LEAST_UNLIKE, _MANY_UNLIKE * n):
        return ()
    looked_at = f"{n:,} cells" if step == 1 else f"{n:,} cells, one in {step} of all,"
    return (
        Finding(
            "W-UNLIKE-REFERENCE",
            f"{n_unlike:,} of {looked_at} are unlike anything that the model was trained on: on "
            f"its genes they are farther from the reference's cells than "
            f"{percent_text(1 - RARELY)} of these are from each other.",
            "They may be of a type that the reference lacks, of another tissue, or measured in "
            "another way; look at their genes before you trust their scores.",
        ),
    )
