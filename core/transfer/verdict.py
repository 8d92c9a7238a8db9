"""Whether a group of called cells is the rare type at all, or the query lacks it.

A threshold that divides a query's cells divides them whatever they are. Three things are asked of
the upper group: that the scores by the model are not all low, that what it expresses is like the
rare type, and that it is nearer to it than to any other type of the reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.model import RareCellModel
from core.transfer.comparable import MOST_SD, Comparable

__all__ = [
    "LEAST_LIKENESS",
    "LEAST_SCORE",
    "LEAST_SIMILARITY",
    "GroupVerdict",
    "judge_group",
    "type_profiles",
]

# Mean refined score that a group must have before it has taught itself anything.
LEAST_SCORE = 0.2
# Part of the distance between the rare type and its nearest neighbour among the types, by which a
# group must be nearer to the rare type: 0 is half-way between both, 1 the reference's own cells.
LEAST_LIKENESS = 0.25
# Least cosine between the profiles of the group and of the rare type: an angle of 60 degrees.
LEAST_SIMILARITY = 0.5
# The mean of fewer cells of a type is no profile; the rare type has one in any case.
_LEAST_CELLS = 5


@dataclass(frozen=True)
class GroupVerdict:
    """What speaks for and against a group of called cells being the rare type.

    Parameters
    ----------
    is_present : bool
        Whether all three conditions hold.
    n_cells : int
        Size of the group.
    score : float
        Mean refined score of its cells by the model, 0–1; at least 0.2 is asked for.
    similarity : float
        Cosine (−1 to 1) between its mean profile and the rare type's; at least 0.5 is asked for.
    likeness : float
        How much nearer the group's mean profile is to the rare type than to any other, −1 to about
        1, in units of that distance within the reference; at least 0.25 is asked for.
    nearest : str
        The type of the reference whose profile is the nearest.
    """

    is_present: bool
    n_cells: int
    score: float
    similarity: float
    likeness: float
    nearest: str


def judge_group(
    model: RareCellModel,
    cells: Comparable,
    group: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float64],
    *,
    by_reference: bool = False,
) -> GroupVerdict:
    """Judge a group of a query's cells by their scores and by their mean profile.

    A profile is the mean of the standardised genes (markers of the rare type and of the others).
    Two are compared by the cosine of the angle between them, once with the query standardised by
    the reference and once by itself, and the mean of both counts.

    Parameters
    ----------
    model : RareCellModel
    cells : Comparable
        Reference and query.
    group : bool array of shape (n_query_cells,)
        Cells to judge.
    scores : array of shape (n_query_cells,)
        Refined scores by the model, 0–1.
    by_reference : bool
        Standardise the query by the reference only, as its own mean is that of the group where
        most of its cells are in the group; the batch is in the angle then, and no least similarity
        is asked for.
    """
    types, profiles = type_profiles(model, cells)
    rare = types.index(model.task.rare)
    if not group.any():
        return GroupVerdict(False, 0, 0.0, 0.0, -1.0, "")
    parts = (cells.by_reference,) if by_reference else (cells.by_reference, cells.own)
    seen = [_held(part)[group].mean(axis=0) for part in parts]
    near = np.mean([_cosines(profiles, profile) for profile in seen], axis=0)
    apart = 1 - np.delete(_cosines(profiles, profiles[rare]), rare).max()
    likeness = float((near[rare] - np.delete(near, rare).max()) / max(apart, 1e-6))
    score, similarity = float(scores[group].mean()), float(near[rare])
    return GroupVerdict(
        is_present=score >= LEAST_SCORE
        and (by_reference or similarity >= LEAST_SIMILARITY)
        and likeness >= LEAST_LIKENESS,
        n_cells=int(group.sum()),
        score=score,
        similarity=similarity,
        likeness=likeness,
        nearest=types[int(near.argmax())],
    )


def type_profiles(
    model: RareCellModel, cells: Comparable
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Mean standardised expression of every type of the reference, (n_types, n_genes)."""
    values, is_rare = _held(cells.reference), model.training_is_rare
    types, means = [model.task.rare], [values[is_rare].mean(axis=0)]
    context = model.context
    members = {"": ~is_rare} if context is None else {}
    for code, name in enumerate(context.types if context is not None else ()):
        if name != model.task.rare and (context.codes == code).sum() >= _LEAST_CELLS:
            members[name] = context.codes == code
    for name, mine in members.items() or {"": ~is_rare}.items():
        types.append(name)
        means.append(values[mine].mean(axis=0))
    return types, np.array(means, dtype=np.float64)


def _held(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.clip(values, -MOST_SD / 2, MOST_SD / 2)


def _cosines(
    profiles: npt.NDArray[np.float64], profile: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    length = np.linalg.norm(profiles, axis=1) * np.linalg.norm(profile)
    return profiles @ profile / np.where(length > 0, length, 1)
