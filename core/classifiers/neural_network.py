"""A neural network with one hidden layer, fitted by scikit-learn and kept as plain arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neural_network import MLPClassifier
from sklearn.utils.validation import check_is_fitted, validate_data

from core.classifiers.entry import ClassifierEntry, require_numbers
from core.config import TrainingConfig
from core.method_config import MOST_UNITS

__all__ = ["ENTRY", "NeuralNetwork"]


class NeuralNetwork(ClassifierMixin, BaseEstimator):
    """One hidden layer of tanh units, then a logistic one.

    Fitted with :class:`sklearn.neural_network.MLPClassifier` by L-BFGS on all cells at once, as
    there are few of them: it ends at an optimum after some dozens of steps, where stochastic steps
    run to their limit, and it needs a smooth unit for that. The penalty is that of logistic
    regression with C = 1.

    Parameters
    ----------
    n_units : int
        Units of the hidden layer.
    random_state : int or None
        Seed of the first weights.

    References
    ----------
    Liu & Nocedal (1989), On the limited memory BFGS method for large scale optimization,
    DOI 10.1007/BF01589116.

    Examples
    --------
    >>> import numpy as np
    >>> cells = np.linspace(-1, 1, 40).reshape(20, 2)
    >>> network = NeuralNetwork(4, random_state=0).fit(cells, np.arange(20) > 9)
    >>> bool(network.predict_proba(cells[-1:])[0, 1] > 0.9)
    True
    """

    def __init__(self, n_units: int = 32, *, random_state: int | None = None) -> None:
        self.n_units = n_units
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> NeuralNetwork:
        """Fit the weights.

        Parameters
        ----------
        X : array of shape (n_cells, n_genes)
            Standardised expression.
        y : bool array of shape (n_cells,)
            Which are the rare type; both kinds must be there.
        sample_weight : array of shape (n_cells,) or None
            How much each cell counts.
        """
        # Double precision: with single the line search ends in rounding before the optimum.
        values, is_rare = validate_data(self, X, y, dtype=np.float64)
        network = MLPClassifier(
            (self.n_units,),
            activation="tanh",
            solver="lbfgs",
            alpha=1.0,
            max_iter=500,
            random_state=self.random_state,
        ).fit(values, is_rare, sample_weight)
        self.classes_ = np.array([False, True])
        self.hidden_weights_, output_weights = map(np.ascontiguousarray, network.coefs_)
        self.output_weights_ = output_weights[:, 0].copy()
        self.hidden_bias_, self.output_bias_ = map(np.ascontiguousarray, network.intercepts_)
        self.n_steps_ = int(network.n_iter_)
        return self

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
        check_is_fitted(self)
        cells = validate_data(self, X, dtype=np.float64, reset=False)
        hidden = np.tanh(cells @ self.hidden_weights_ + self.hidden_bias_)
        log_odds = hidden @ self.output_weights_ + self.output_bias_
        return np.column_stack([expit(-log_odds), expit(log_odds)])

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each cell's score of the rare type is above that of the others."""
        return self.predict_proba(X)[:, 1] > 0.5


def _build(config: TrainingConfig, n_training_cells: int, seed: int) -> NeuralNetwork:
    return NeuralNetwork(int(config.classifier.mlp_units), random_state=seed)


def _check(classifier: NeuralNetwork, n_genes: int) -> None:
    n_units = len(classifier.hidden_bias_)
    if n_units > MOST_UNITS:  # scoring would need as much memory as anybody likes
        raise ValueError("more hidden units than Needle fits")
    require_numbers(classifier.hidden_weights_, (n_genes, n_units))
    require_numbers(classifier.hidden_bias_, (n_units,))
    require_numbers(classifier.output_weights_, (n_units,))
    require_numbers(classifier.output_bias_, (1,))


ENTRY = ClassifierEntry(
    "mlp",
    "neural network",
    5,
    _build,
    kinds=(NeuralNetwork,),
    check=_check,
    carries_over=True,
)
