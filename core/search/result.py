"""What a search found: every setting's score, the winner, and the honest estimate for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import pandas as pd

from core.config import RareTask, TrainingConfig, config_from_dict, config_to_dict
from core.search.space import SearchConfig

__all__ = ["NestedFold", "NestedScore", "SearchResult", "SettingResult"]

Plain = dict[str, Any]


@dataclass(frozen=True)
class SettingResult:
    """One setting, cross-validated in one rung of a search; plain numbers alone.

    Parameters
    ----------
    index, rung : int
        Number of the setting in the list of the search, and of the rung, both from 0. A grid or
        random search has one rung.
    method : str
        For example ``"loras+lr"``.
    varied : dict of str to value
        Fields of :class:`SearchSpace` that matter for this setting, with its values.
    score : float
        The objective over all folds, 0–1.
    low, high : float
        Approximate 95 % interval of it.
    tp, fp, fn, tn : int
        Calls of all folds together, each fold called at the best-F1 threshold of the others.
    average_precision : tuple of float
        Within each fold, by the model that was trained without it.
    inner_score : tuple of float
        For each fold as outer test fold: the objective over the other folds, by models that were
        trained without the outer one.
    threshold : tuple of float
        For each fold: the best-F1 threshold of the same inner scores.
    calls : tuple of (tp, fp, fn, tn)
        Calls of each fold at that threshold, by the model that was trained without it.
    n_fits : int
        Models that were fitted.
    seconds : float
        Time that it took.
    main : bool
        Whether it is in the main race of its rung. If not, only a race with one fold held back
        needed it: it counts for the nested score alone.
    """

    index: int
    rung: int
    method: str
    varied: Plain
    score: float
    low: float
    high: float
    tp: int
    fp: int
    fn: int
    tn: int
    average_precision: tuple[float, ...]
    inner_score: tuple[float, ...]
    threshold: tuple[float, ...]
    calls: tuple[tuple[int, int, int, int], ...]
    n_fits: int
    seconds: float
    main: bool = True

    @property
    def key(self) -> tuple[int, int]:
        """Rung and number of the setting: what tells one result of a search from the others."""
        return self.rung, self.index

    def to_dict(self) -> Plain:
        """Plain values for JSON, without loss."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SettingResult:
        """Rebuild what :meth:`to_dict` wrote; unknown names are ignored."""
        known = {f.name for f in fields(cls)}
        kept = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
        return cls(**kept | {"calls": tuple(tuple(one) for one in kept["calls"])})


@dataclass(frozen=True)
class NestedFold:
    """One outer test fold: what the search chose without it, and how that did on it.

    Parameters
    ----------
    fold : int
        Which fold, from 0.
    index : int
        Number of the setting that won without this fold.
    method : str
        Its method.
    varied : dict of str to value
        Its settings.
    inner_score : float
        Its objective over the other folds, which made it win.
    threshold : float
        Its best-F1 threshold on the other folds.
    tp, fp, fn, tn : int
        Its calls of this fold's cells.
    average_precision : float
        On this fold's cells.
    """

    fold: int
    index: int
    method: str
    varied: Plain
    inner_score: float
    threshold: float
    tp: int
    fp: int
    fn: int
    tn: int
    average_precision: float


@dataclass(frozen=True)
class NestedScore:
    """What the whole procedure, search included, reaches on cells that it never saw.

    Parameters
    ----------
    score, low, high : float
        The objective with an approximate 95 % interval, 0–1, by different rare cells.
    tp, fp, fn, tn : int
        Calls of all outer folds together.
    precision, recall, f1 : float
        Of these calls.
    average_precision : float
        Mean over the outer folds.
    folds : tuple of NestedFold
        One per outer fold.
    """

    score: float
    low: float
    high: float
    tp: int
    fp: int
    fn: int
    tn: int
    precision: float
    recall: float
    f1: float
    average_precision: float
    folds: tuple[NestedFold, ...]


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What a search found.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per setting, the best first: ``index``, ``rung`` (the last that the main race tried
        it in; the score is from there, and who got further stands above),
        ``method``, ``sampler``, ``classifier``, every other parameter that varied among the
        settings (by its name in :class:`SearchSpace`; ``None`` where it does not matter),
        ``score``, ``low``, ``high``, ``precision``, ``recall``, ``f1``, ``average_precision``,
        ``tp``, ``fp``, ``fn``, ``tn``, ``seconds``.
    best : TrainingConfig
        The winner, with one sampler and one classifier, ready for a training.
    best_method : str
        Its method.
    best_varied : dict of str to value
        Its settings, by their names in :class:`SearchSpace`.
    best_score, best_low, best_high : float
        Its score in the search: optimistic, because it was the best of many.
    nested : NestedScore
        The honest estimate, by nested cross-validation.
    n_settings : int
        Settings that were tried.
    left_out : dict of str to int
        Why settings were not tried, and how many: a sentence each.
    n_splits, n_rare, n_other : int
        Folds, and the cells behind them.
    task, config
        What made it.
    """

    table: pd.DataFrame
    best: TrainingConfig
    best_method: str
    best_varied: Plain
    best_score: float
    best_low: float
    best_high: float
    nested: NestedScore
    n_settings: int
    left_out: dict[str, int]
    n_splits: int
    n_rare: int
    n_other: int
    task: RareTask
    config: SearchConfig

    @property
    def chance(self) -> float:
        """Objective of a method that knows nothing: calls every cell rare, or ranks at random."""
        share = self.n_rare / (self.n_rare + self.n_other)
        return 2 * share / (1 + share) if self.config.objective == "f1" else share

    @property
    def optimism(self) -> float:
        """How far the search's own best score is above the honest estimate."""
        return self.best_score - self.nested.score

    def to_dict(self) -> Plain:
        """Plain values for JSON, without loss."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        rows = self.table.astype(object).to_dict("split")
        values["table"] = {name: rows[name] for name in ("columns", "data")}
        values["nested"] = asdict(self.nested)
        return values | {n: config_to_dict(values[n]) for n in ("best", "task", "config")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SearchResult:
        """Rebuild what :meth:`to_dict` wrote."""
        table, nested = values["table"], values["nested"]
        folds = tuple(NestedFold(**fold) for fold in nested["folds"])
        made_by = {"best": TrainingConfig, "task": RareTask, "config": SearchConfig}
        return cls(
            **dict(values)
            | {name: config_from_dict(made, values[name]) for name, made in made_by.items()}
            | {"table": as_table(table["columns"], table["data"])}
            | {"nested": NestedScore(**nested | {"folds": folds})}
        )


def as_table(columns: list[str], rows: list[list[Any]]) -> pd.DataFrame:
    """Make a table in which numbers are numbers, and ``None`` stays in what is not all numbers."""
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    whole = [name for name in columns if not table[name].isna().any()]
    return table.astype({name: table[name].infer_objects().dtype for name in whole})
