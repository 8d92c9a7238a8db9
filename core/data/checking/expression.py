"""Which matrix of a file holds its expression."""

from __future__ import annotations

from dataclasses import dataclass

import anndata as ad
import pandas as pd

from core.data.checking.matrices import Matrix, first_not_finite
from core.data.checking.text import quoted
from core.data.choices import Choices
from core.data.scale import is_log1p_cp10k, recognise_scale
from core.data.scale_verdict import ScaleVerdict
from core.errors import DataError

__all__ = ["Candidate", "choose_expression", "find_candidates", "short_place"]

# Layers that hold all of the expression. Others, such as "spliced", hold a part of it or something
# else: they are taken only when the user says so.
_LAYERS = (
    "counts",
    "raw_counts",
    "raw",
    "count",
    "umi",
    "umis",
    "umi_counts",
    "logcounts",
    "lognorm",
    "log1p",
    "log_normalized",
    "log1p_norm",
    "normalized",
    "norm",
    "data",
)
_USABLE = ("counts", "log1p", "linear")
_WORDS = {
    "counts": "counts",
    "log1p": "log-normalised values",
    "linear": "values that are neither whole nor logged",
}


@dataclass(frozen=True, eq=False)
class Candidate:
    """A matrix of a file that may be its expression.

    Parameters
    ----------
    place : str
        ``"X"``, ``"raw"`` or ``"layer 'name'"``.
    matrix : array or sparse matrix of shape (n_cells, n_genes)
        Values as they are in the file.
    var : pandas.DataFrame
        One row per gene of this matrix.
    verdict : ScaleVerdict
        What the values are.
    is_known : bool
        Whether its place says that it is expression.
    """

    place: str
    matrix: Matrix
    var: pd.DataFrame
    verdict: ScaleVerdict
    is_known: bool = True

    @property
    def is_usable(self) -> bool:
        """Whether the values can be used."""
        return self.verdict.kind in _USABLE

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return len(self.var)


def find_candidates(adata: ad.AnnData) -> list[Candidate]:
    """Every matrix of a file, X first, then layers by how usual they are, then `raw`."""
    found = []
    if adata.X is not None:
        x = adata.X
        found.append(Candidate("X", x, adata.var, recognise_scale(x)))
    for name in sorted(adata.layers, key=_rank):
        layer = adata.layers[name]
        known = _rank(name) < len(_LAYERS)
        verdict = recognise_scale(layer)
        found.append(Candidate(f"layer {str(name)!r}", layer, adata.var, verdict, known))
    if adata.raw is not None:
        raw = adata.raw.X
        found.append(Candidate("raw", raw, adata.raw.var, recognise_scale(raw)))
    return found


def _rank(layer: str) -> int:
    name = str(layer).lower()
    return _LAYERS.index(name) if name in _LAYERS else len(_LAYERS)


def choose_expression(candidates: list[Candidate], choices: Choices) -> Candidate:
    """Pick counts of all genes where there are any, else log-normalised, else linear values.

    Parameters
    ----------
    candidates : list of Candidate
        As :func:`find_candidates` returned them.
    choices : Choices
        Asked ``C-EXPRESSION`` when X is absent, or nothing but unusual layers can be used.

    Returns
    -------
    Candidate

    Raises
    ------
    DataError
        ``E-NO-EXPRESSION``, ``E-NOT-FINITE``, ``E-SCALED``, ``E-NOT-NUMBERS``, ``E-ALL-ZERO``.
    """
    known = [each for each in candidates if each.is_known and each.is_usable]
    usable = known or [each for each in candidates if each.is_usable]
    if not usable:
        raise _refusal(candidates)
    best = _best(usable)
    if candidates[0].place == "X" and (known or best.place == "X"):
        return best
    every = {each.place: each for each in candidates if each.is_usable}
    has_x = candidates[0].place == "X"
    answer = choices.ask(
        "C-EXPRESSION",
        "X cannot be used, and no other matrix is known to be expression."
        if has_x
        else "X is absent from this file; its expression must be in another matrix.",
        {place: _meaning(each) for place, each in every.items()},
        suggested=best.place,
        next_step="Choose the matrix that holds the expression.",
    )
    return every[answer]


def _meaning(candidate: Candidate) -> str:
    what = _WORDS[candidate.verdict.kind]
    return f"Take {short_place(candidate.place)}: {what} of {candidate.n_genes:,} genes."


def short_place(place: str) -> str:
    """Shorten the name of a layer for a sentence."""
    return f"layer {quoted(place[7:-1])}" if place.startswith("layer ") else place


def _best(candidates: list[Candidate]) -> Candidate:
    widest: dict[str, Candidate] = {}
    for candidate in candidates:
        # `raw` is often wider than an X cut down to variable genes.
        best = widest.setdefault(candidate.verdict.kind, candidate)
        if candidate.n_genes > best.n_genes:
            widest[candidate.verdict.kind] = candidate
    counts, logged = widest.get("counts"), widest.get("log1p")
    if counts and logged and logged.n_genes > counts.n_genes:
        # Counts of variable genes alone cannot give counts per 10,000 over all genes.
        return logged if is_log1p_cp10k(logged.matrix) else counts
    return next(widest[kind] for kind in _USABLE if kind in widest)


def _refusal(candidates: list[Candidate]) -> DataError:
    first = {each.verdict.kind: each for each in reversed(candidates)}
    if not candidates:
        return DataError(
            "The file has no expression values: X is empty, and so are the count layers and `raw`.",
            code="E-NO-EXPRESSION",
            next_step="Save counts into `adata.X` and load the file again.",
        )
    if "invalid" in first:
        return DataError(
            f"The expression values contain NaN or infinite numbers: {_where(first['invalid'])}.",
            code="E-NOT-FINITE",
            next_step="Load the file as it was before the step that produced them.",
        )
    if "scaled" in first and first["scaled"].verdict.evidence == "floor":
        return DataError(
            "Some expression values are negative, and the smallest is the same in every cell, as "
            "in logarithms of small numbers; which one was taken cannot be told, and no counts are "
            "in the file.",
            code="E-SCALED",
            next_step="Keep counts in `layers['counts']`, or logarithms of 1 + x in X, and save "
            "the file again.",
        )
    if "scaled" in first:
        return DataError(
            "The expression values are scaled (some are negative) and no counts are in the file.",
            code="E-SCALED",
            next_step="Keep counts in `layers['counts']` or log-normalised values in `raw`, "
            "and save the file again.",
        )
    if "text" in first:
        return DataError(
            "The expression values are not numbers.",
            code="E-NOT-NUMBERS",
            next_step="Save counts as numbers into `adata.X` and load the file again.",
        )
    return DataError(
        "Every expression value is zero.",
        code="E-ALL-ZERO",
        next_step="Check which matrix was saved into the file.",
    )


def _where(candidate: Candidate) -> str:
    n, cell, gene = first_not_finite(candidate.matrix)
    place = short_place(candidate.place)
    name = quoted(candidate.var.index[gene])
    return f"{n:,} in {place}, the first in cell {cell + 1:,}, gene {name}"
