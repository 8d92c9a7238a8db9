"""SMOTE from the support vectors among the rare cells."""

from __future__ import annotations

import numpy as np
from imblearn.over_sampling import SVMSMOTE

from core.oversampling.few_cells import few_cells_row

__all__ = ["SVM_SMOTE", "ExactSVMSMOTE"]


class ExactSVMSMOTE(SVMSMOTE):
    """SVM-SMOTE that draws as many cells as it is asked for.

    Imbalanced-learn parts that number at random between support vectors in danger and safe ones.
    Where one of the two kinds is missing its part is not drawn, about half of all cells
    (scikit-learn-contrib/imbalanced-learn#1130). Here the other kind has it too. All settings are
    those of :class:`imblearn.over_sampling.SVMSMOTE`.

    References
    ----------
    Nguyen et al. 2011, "Borderline over-sampling for imbalanced data classification",
    International Journal of Knowledge Engineering and Soft Data Paradigms 3:4-21,
    https://doi.org/10.1504/IJKESDP.2011.039875

    Examples
    --------
    >>> cells = np.random.default_rng(0).normal(size=(60, 3))
    >>> _, is_rare = ExactSVMSMOTE(random_state=0).fit_resample(cells, np.arange(60) < 12)
    >>> int(is_rare.sum())
    48
    """

    def _in_danger_noise(self, nn_estimator, samples, target_class, y, kind="danger"):
        found = super()._in_danger_noise(nn_estimator, samples, target_class, y, kind)
        if kind == "danger":  # asked after the noise, right before the cells are drawn
            self._has_both_kinds = 0 < np.count_nonzero(found) < len(found)
        return found

    def _make_samples(self, X, y_dtype, y_type, nn_data, nn_num, n_samples, step_size=1.0, y=None):
        if not self._has_both_kinds:
            n_samples = self.sampling_strategy_[y_type]
        return super()._make_samples(
            X, y_dtype, y_type, nn_data, nn_num, n_samples, step_size=step_size, y=y
        )


SVM_SMOTE = few_cells_row(
    "svmsmote",
    6,
    lambda config: ExactSVMSMOTE(k_neighbors=config.smote_neighbors),
    among_rare=("k_neighbors",),
    among_all=("m_neighbors",),
    nothing=("All support vectors are considered as noise",),
)
