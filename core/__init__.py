"""Needle's library: find a rare cell type of yours in anybody's single-cell data.

The road is ``open_dataset`` → ``find_markers`` → ``iter_folds`` / ``summarise`` → ``train`` →
``annotate``; every station is a function of the one before it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from core.version import __version__

if TYPE_CHECKING:
    from core.annotation import Annotation, annotate
    from core.config import LorasConfig, MarkerConfig, RareTask, TrainingConfig
    from core.data import (
        Dataset,
        FileReport,
        check_file,
        demo_query,
        demo_reference,
        open_dataset,
    )
    from core.errors import (
        ChoiceNeeded,
        DataError,
        Finding,
        ModelFileError,
        NeedleError,
        ParameterError,
        QueryMismatchError,
        RunError,
    )
    from core.evaluation import FoldResult, iter_folds
    from core.folds import FoldPlan, plan_folds
    from core.label_mapping import CallScores, score_calls, suggest_types
    from core.markers import find_markers
    from core.model import RareCellModel, load_model
    from core.oversampling import LoRAS
    from core.search import (
        SearchConfig,
        SearchResult,
        SearchSpace,
        iter_search,
        search_parameters,
    )
    from core.summary import CrossValidation, summarise
    from core.synthetic import SyntheticComparison, compare_synthetic
    from core.training import train
    from core.transfer_config import TransferConfig

# Imported when they are first asked for (PEP 562): a page or a worker that needs the run database
# alone does not wait seconds for the science libraries.
_HOMES = {
    "core.annotation": ("Annotation", "annotate"),
    "core.config": ("LorasConfig", "MarkerConfig", "RareTask", "TrainingConfig"),
    "core.data": (
        "Dataset",
        "FileReport",
        "check_file",
        "demo_query",
        "demo_reference",
        "open_dataset",
    ),
    "core.errors": (
        "ChoiceNeeded",
        "DataError",
        "Finding",
        "ModelFileError",
        "NeedleError",
        "ParameterError",
        "QueryMismatchError",
        "RunError",
    ),
    "core.evaluation": ("FoldResult", "iter_folds"),
    "core.folds": ("FoldPlan", "plan_folds"),
    "core.label_mapping": ("CallScores", "score_calls", "suggest_types"),
    "core.markers": ("find_markers",),
    "core.model": ("RareCellModel", "load_model"),
    "core.oversampling": ("LoRAS",),
    "core.search": (
        "SearchConfig",
        "SearchResult",
        "SearchSpace",
        "iter_search",
        "search_parameters",
    ),
    "core.summary": ("CrossValidation", "summarise"),
    "core.training": ("train",),
    "core.transfer_config": ("TransferConfig",),
    "core.synthetic": ("SyntheticComparison", "compare_synthetic"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Annotation",
    "CallScores",
    "ChoiceNeeded",
    "CrossValidation",
    "DataError",
    "Dataset",
    "FileReport",
    "Finding",
    "FoldPlan",
    "FoldResult",
    "LoRAS",
    "LorasConfig",
    "MarkerConfig",
    "ModelFileError",
    "NeedleError",
    "ParameterError",
    "QueryMismatchError",
    "RareCellModel",
    "RareTask",
    "RunError",
    "SearchConfig",
    "SearchResult",
    "SearchSpace",
    "SyntheticComparison",
    "TrainingConfig",
    "TransferConfig",
    "__version__",
    "annotate",
    "check_file",
    "compare_synthetic",
    "demo_query",
    "demo_reference",
    "find_markers",
    "iter_folds",
    "iter_search",
    "load_model",
    "open_dataset",
    "plan_folds",
    "score_calls",
    "search_parameters",
    "suggest_types",
    "summarise",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
