"""Compare calls with the labels of a query, whose study may use other names for the same type.

For scoring only: nothing here touches a score or a call.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from core.annotation import Annotation
from core.data.labels import clean_labels
from core.errors import ParameterError
from core.summary import binomial_interval
from core.type_names import suggest_types

__all__ = ["CallScores", "score_calls", "suggest_types"]

Interval = tuple[float, float]


@dataclass(frozen=True)
class CallScores:
    """How the calls of an annotation agree with labels of the same cells.

    A score that has nothing to divide by (the precision when no cell was called, the recall when no
    cell is rare) is NaN, and its interval is (0, 1).

    Parameters
    ----------
    tp, fp, fn, tn : int
        Labelled cells: found, falsely called, missed, rightly left out. Cells called ``"unsure"``
        are not called.
    n_unlabelled : int
        Cells without a label, which take no part.
    rare : tuple of str
        The query's labels that were taken for the rare type, in alphabetical order.

    References
    ----------
    Intervals: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits
    illustrated in the case of the binomial", Biometrika 26 (1934), doi:10.1093/biomet/26.4.404.
    """

    tp: int
    fp: int
    fn: int
    tn: int
    n_unlabelled: int
    rare: tuple[str, ...]

    @property
    def precision(self) -> float:
        """Share (0–1) of the called cells that are rare."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share (0–1) of the rare cells that were called."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean (0–1) of precision and recall."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @cached_property
    def precision_interval(self) -> Interval:
        """Exact 95 % interval of :attr:`precision`."""
        return binomial_interval(self.tp, self.tp + self.fp)

    @cached_property
    def recall_interval(self) -> Interval:
        """Exact 95 % interval of :attr:`recall`."""
        return binomial_interval(self.tp, self.tp + self.fn)

    @cached_property
    def f1_interval(self) -> Interval:
        """95 % interval of :attr:`f1`, from the exact one of J = TP / (TP + FP + FN).

        F1 is 2J / (1 + J), which grows with J.
        """
        low, high = binomial_interval(self.tp, self.tp + self.fp + self.fn)
        return 2 * low / (1 + low), 2 * high / (1 + high)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def score_calls(
    annotation: Annotation, labels: pd.Series, rare: str | Collection[str]
) -> CallScores:
    """Compare the calls with labels, some of which are the rare type under other names.

    Parameters
    ----------
    annotation : Annotation
        From :func:`core.annotate`; left as it is.
    labels : pandas.Series of str
        Labels by cell name, such as ``dataset.labels("cell_type")`` or a column of ``dataset.obs``.
        Cells of the query that it lacks count as unlabelled, and so do blank ones.
    rare : str or collection of str
        Which of these labels mean the rare type: ``{"Mk", "Platelet"}``. See
        :func:`suggest_types`.

    Returns
    -------
    CallScores

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when `labels` has no label for any cell of the query or repeats a cell, or
        when `rare` is empty; ``E-RARE-UNKNOWN`` when a name in `rare` is not among the labels.

    Examples
    --------
    >>> import core
    >>> query = core.demo_query()
    >>> task = core.RareTask("bulk_labels", "CD34+")
    >>> config = core.TrainingConfig(markers=20)
    >>> model = core.train(core.demo_reference(), task, config, method="loras+knn")
    >>> scores = score_calls(core.annotate(model, query), query.labels("bulk_labels"), "CD34+")
    >>> scores.tp, scores.fp, scores.fn
    (3, 0, 0)
    """
    truth = _truth(annotation.table["cell"], labels)
    rare = _require_rare({rare} if isinstance(rare, str) else set(rare), truth)
    known = truth.notna().to_numpy()
    is_rare = truth.isin(rare).to_numpy()
    called = (annotation.table["call"] == annotation.rare).to_numpy()
    return CallScores(
        tp=int((called & is_rare).sum()),
        fp=int((called & known & ~is_rare).sum()),
        fn=int((~called & is_rare).sum()),
        tn=int((~called & known & ~is_rare).sum()),
        n_unlabelled=int((~known).sum()),
        rare=tuple(sorted(rare)),
    )


def _truth(cells: pd.Series, labels: pd.Series) -> pd.Series:
    """Labels in the order of the cells."""
    problem = ""
    if not labels.index.is_unique:
        problem = "It names some cells twice."
    else:
        truth = clean_labels(labels.reindex(cells))
        if not truth.notna().any():
            problem = "It has a label for none of them."
    if problem:
        raise ParameterError(
            f"`labels` must have one label by cell name for the cells of the query. {problem}",
            code="E-PARAMETER",
            next_step="Take a column of the query's own `obs`.",
        )
    return truth


def _require_rare(rare: set[str], truth: pd.Series) -> set[str]:
    types = sorted(truth.dropna().unique())
    choose = f"Choose from: {', '.join(types[:12])}{' …' if len(types) > 12 else '.'}"
    if not rare:
        raise ParameterError(
            "`rare` must name at least one label of the query. Got none.",
            code="E-PARAMETER",
            next_step=choose,
        )
    if unknown := sorted(rare - set(types)):
        raise ParameterError(
            f"`rare` must be labels of the query. No cell has {unknown[0]!r}.",
            code="E-RARE-UNKNOWN",
            next_step=choose,
        )
    return rare
