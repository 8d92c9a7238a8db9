"""Synthetic cells beside the real ones: two maps and two numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from core.config import RareTask, TrainingConfig
from core.data import Dataset
from core.embedding import fit_umap, place
from core.errors import ParameterError
from core.fitting import scale_cells
from core.markers import choose_markers
from core.oversampling import draw_synthetic

__all__ = ["SyntheticComparison", "compare_synthetic"]

# More grey background than this makes the map no clearer, only slower.
_MAX_OTHER = 4000


@dataclass(frozen=True, eq=False)
class SyntheticComparison:
    """Synthetic cells compared with the real rare cells they were made from.

    Parameters
    ----------
    real_map : array of shape (n_real, 2)
        UMAP of the real cells alone, in the space of the standardised marker genes.
    placed : array of shape (n_synthetic, 2)
        Synthetic cells placed into that map.
    joint_real, joint_synthetic : arrays of shape (n_real, 2) and (n_synthetic, 2)
        UMAP of real and synthetic cells together.
    is_rare : bool array of shape (n_real,)
        Which real cells are the rare type.
    n_other_in_dataset : int
        Other cells before the background was thinned for the map.
    variance_kept : float
        Total variance of the synthetic cells over that of the real rare cells; 1 is all of it.
    distance_synthetic : float
        Median distance of a synthetic cell to its nearest real rare cell.
    distance_real : float
        Median distance of a real rare cell to its nearest other one.
    n_genes : int
        Marker genes.
    task, config
        What made it.
    """

    real_map: npt.NDArray[np.float32]
    placed: npt.NDArray[np.float32]
    joint_real: npt.NDArray[np.float32]
    joint_synthetic: npt.NDArray[np.float32]
    is_rare: npt.NDArray[np.bool_]
    n_other_in_dataset: int
    variance_kept: float
    distance_synthetic: float
    distance_real: float
    n_genes: int
    task: RareTask
    config: TrainingConfig


def compare_synthetic(
    dataset: Dataset, task: RareTask, config: TrainingConfig, *, n: int = 500
) -> SyntheticComparison:
    """Draw synthetic cells from all rare cells and compare them with these.

    Parameters
    ----------
    dataset : Dataset
        Reference cells.
    task : RareTask
        Label column and rare type.
    config : TrainingConfig
        Marker settings, LoRAS settings and seed.
    n : int
        Number of synthetic cells.

    Returns
    -------
    SyntheticComparison

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when `n` is below 1, and those of :func:`core.find_markers` and LoRAS.

    References
    ----------
    Bej et al., BMC Bioinformatics 22:557 (2021), DOI 10.1186/s12859-021-04469-x, figure 4.
    """
    if n < 1:
        raise ParameterError(
            f"`n` must be 1 or more. Got {n}.",
            code="E-PARAMETER",
            next_step="Ask for at least one synthetic cell.",
        )
    truth = dataset.rare_labels(task)
    markers, values = choose_markers(dataset, truth, config.marker_config())
    _, cells = scale_cells(values, truth.is_rare)
    rng = np.random.default_rng(config.seed)
    rare = cells.values[truth.is_rare]
    loras = config.loras
    synthetic = draw_synthetic(
        rare,
        n,
        n_neighbors=loras.n_neighbors,
        n_affine=loras.n_affine,
        noise_scale=loras.noise_scale,
        weights=loras.weights,
        neighbour_space=loras.neighbour_space,
        rng=rng,
    )
    shown = _background(truth.is_rare, rng)
    real, is_rare = cells.values[shown], truth.is_rare[shown]
    real_map = fit_umap(real, seed=config.seed)
    joint = fit_umap(np.vstack([real, synthetic]), seed=config.seed)
    return SyntheticComparison(
        real_map=real_map,
        placed=place(real, real_map, synthetic),
        joint_real=joint[: len(real)],
        joint_synthetic=joint[len(real) :],
        is_rare=is_rare,
        n_other_in_dataset=truth.n_other,
        variance_kept=variance_kept(rare, synthetic),
        distance_synthetic=_median_nearest(rare, synthetic, skip=0),
        distance_real=_median_nearest(rare, rare, skip=1),
        n_genes=len(markers),
        task=task,
        config=config,
    )


def variance_kept(rare: npt.NDArray[np.floating], synthetic: npt.NDArray[np.floating]) -> float:
    """Total variance of `synthetic` over that of `rare`, both of shape (n_cells, n_genes).

    NaN when all rare cells are the same: there is no variance to keep.
    """
    total = rare.var(axis=0).sum()
    return float(synthetic.var(axis=0).sum() / total) if total > 0 else float("nan")


def _median_nearest(
    rare: npt.NDArray[np.floating], cells: npt.NDArray[np.floating], *, skip: int
) -> float:
    search = NearestNeighbors(n_neighbors=1 + skip).fit(rare)
    return float(np.median(search.kneighbors(cells)[0][:, skip]))


def _background(is_rare: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    other = np.flatnonzero(~is_rare)
    if len(other) > _MAX_OTHER:
        other = rng.choice(other, _MAX_OTHER, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(is_rare), other]))
