"""What the settings of LoRAS must be, what ``None`` stands for, and what any sampler needs."""

from __future__ import annotations

import math
from numbers import Integral, Real

from core.config import LorasConfig
from core.errors import ParameterError

__all__ = [
    "check_loras",
    "check_rare_cells",
    "check_settings",
    "choose_n_affine",
    "choose_n_neighbors",
    "is_whole",
    "require",
    "require_two",
]

WEIGHTS = ("dirichlet", "integers")
NEIGHBOUR_SPACES = ("features", "pca", "tsne")
MIN_TSNE_CELLS = 16


def check_loras(config: LorasConfig, n_train_rare: int) -> None:
    """Refuse, before the first fold, settings that LoRAS would refuse in one of the folds.

    Parameters
    ----------
    config : LorasConfig
        Settings of LoRAS.
    n_train_rare : int
        Rare cells in the smallest training part.

    Raises
    ------
    ParameterError
        When a setting is out of range or does not fit that number of rare cells; the codes are
        those of :class:`core.LoRAS`.

    Examples
    --------
    >>> from core.config import LorasConfig
    >>> from core.oversampling import check_loras
    >>> check_loras(LorasConfig(n_neighbors=8), 8)
    """
    check_settings(config)
    check_rare_cells(config, n_train_rare, where=" in the smallest training part")


def check_settings(settings: LorasConfig) -> None:
    """Refuse settings that fit no data at all."""
    for name, least in (("n_neighbors", 1), ("n_affine", 2)):
        got = getattr(settings, name)
        text = f"`{name}` must be a whole number of {least} or more, or None. Got {got!r}."
        require(got is None or is_whole(got, least), text)
    noise = settings.noise_scale
    is_number = isinstance(noise, Real) and not isinstance(noise, bool) and math.isfinite(noise)
    text = f"`noise_scale` must be a finite number of 0 or more. Got {noise!r}."
    require(is_number and noise >= 0, text)
    for name, known in (("weights", WEIGHTS), ("neighbour_space", NEIGHBOUR_SPACES)):
        got = getattr(settings, name)
        text = f"`{name}` must be one of {', '.join(known)}. Got {got!r}."
        require(isinstance(got, str) and got in known, text)


def check_rare_cells(settings: LorasConfig, n_rare: int, *, where: str = "") -> None:
    """Refuse settings that do not fit `n_rare` rare cells; `where` says which cells these are."""
    require_two("LoRAS", n_rare, where=where)
    got = settings.n_neighbors
    require(
        got is None or got <= n_rare,
        f"`n_neighbors` must be at most the number of rare cells{where}. "
        f"Got {got} for {n_rare} cells; choose {n_rare} or fewer.",
        next_step="Left automatic (None), it is fitted to the number of cells.",
    )
    require(
        settings.neighbour_space != "tsne" or n_rare >= MIN_TSNE_CELLS,
        f"`neighbour_space` t-SNE ('tsne') needs at least {MIN_TSNE_CELLS} rare cells{where}. "
        f"Got {n_rare}.",
        code="E-TSNE-SMALL",
        next_step="Choose marker genes ('features') or PCA ('pca').",
    )


def choose_n_neighbors(settings: LorasConfig, n_rare: int) -> int:
    """Size of a neighbourhood, the parent included."""
    if settings.n_neighbors is not None:
        return int(settings.n_neighbors)
    return min(5 if n_rare < 100 else 30, n_rare)


def choose_n_affine(settings: LorasConfig, n_genes: int) -> int:
    """Shadow samples in one combination."""
    return int(settings.n_affine) if settings.n_affine is not None else max(2, min(n_genes, 50))


def require(ok: bool, message: str, *, code: str = "E-PARAMETER", next_step: str = "") -> None:
    """Raise a ParameterError unless `ok`."""
    if not ok:
        raise ParameterError(message, code=code, next_step=next_step or "Choose another value.")


def require_two(sampler: str, n_rare: int, *, where: str = "") -> None:
    """Refuse fewer than two rare cells: one cell has no neighbour; `where` says which they are."""
    require(
        n_rare >= 2,
        f"{sampler} needs at least 2 cells of the class it adds to{where}. Got {n_rare}.",
        code="E-RARE-ONE",
        next_step="Choose a larger rare type, or merge it with a related one.",
    )


def is_whole(value: object, least: int) -> bool:
    """Whether `value` is a whole number of `least` or more."""
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least
