"""A linear support vector machine with scores from 0 to 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.svm import LinearSVC

from core.classifiers.entry import ClassifierEntry, require_numbers
from core.config import TrainingConfig

__all__ = ["ENTRY", "LinearSvm"]


class LinearSvm(LinearSVC):
    """Linear support vector machine (L2 penalty, squared hinge loss) that gives scores.

    A score is the logistic function of the decision function, which is the signed distance from
    the separating plane in units of the margin: 0.5 on the plane, 0.73 on the margin of the rare
    cells. It keeps the order of the distances. It is no probability that was fitted to anything;
    for that, Platt's method would need cells that the plane has not seen, and of rare cells there
    are none to spare.

    The expression must be standardised already; nothing is scaled here.

    References
    ----------
    Fan et al. (2008), LIBLINEAR: a library for large linear classification, Journal of Machine
    Learning Research 9:1871-1874.

    Examples
    --------
    >>> import numpy as np
    >>> svm = LinearSvm(dual=False).fit(np.array([[-1.0], [1.0]]), np.array([False, True]))
    >>> svm.predict_proba(np.array([[0.0]])).round(2)
    array([[0.5, 0.5]])
    """

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Scores of cells.

        Parameters
        ----------
        X : array of shape (n_cells, n_genes)
            Standardised expression.

        Returns
        -------
        array of shape (n_cells, 2)
            Scores (0–1) of the other cells and of the rare ones.
        """
        distances = self.decision_function(X).astype(np.float64)
        return np.column_stack([expit(-distances), expit(distances)])


def _build(config: TrainingConfig, n_training_cells: int, seed: int) -> LinearSvm:
    # The primal problem: exact in a few steps, where the dual one often stops at its limit, and
    # nothing in it is drawn at random.
    return LinearSvm(C=float(config.classifier.svm_c), dual=False, max_iter=5000, random_state=seed)


def _check(classifier: LinearSvm, n_genes: int) -> None:
    require_numbers(classifier.coef_, (1, n_genes))
    require_numbers(classifier.intercept_, (1,))


ENTRY = ClassifierEntry("svm", "linear SVM", 1, _build, kinds=(LinearSvm,), check=_check)
