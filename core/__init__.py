"""Needle's library: find a rare cell type of yours in anybody's single-cell data.

The road is ``open_dataset`` → ``find_markers`` → ``iter_folds`` / ``summarise`` → ``train`` →
``annotate``; every station is a function of the one before it.
"""

from core.annotation import Annotation, annotate
from core.config import LorasConfig, MarkerConfig, RareTask, TrainingConfig
from core.data import Dataset, demo_query, demo_reference, open_dataset
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
from core.evaluation import FoldPlan, FoldResult, iter_folds, plan_folds
from core.markers import find_markers
from core.model import RareCellModel, load_model, train
from core.oversampling import LoRAS
from core.summary import CrossValidation, summarise
from core.synthetic import SyntheticComparison, compare_synthetic

__version__ = "0.1.0"

__all__ = [
    "Annotation",
    "ChoiceNeeded",
    "CrossValidation",
    "DataError",
    "Dataset",
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
    "SyntheticComparison",
    "TrainingConfig",
    "__version__",
    "annotate",
    "compare_synthetic",
    "demo_query",
    "demo_reference",
    "find_markers",
    "iter_folds",
    "load_model",
    "open_dataset",
    "plan_folds",
    "summarise",
    "train",
]
