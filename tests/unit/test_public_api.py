"""The library's front door: its names, how light it is, and that every example runs."""

import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import core

ROOT = Path(__file__).parents[2]
CONTRACT = [
    "Annotation", "CallScores", "ChoiceNeeded", "CrossValidation", "DataError", "Dataset",
    "FileReport", "Finding", "FoldPlan", "FoldResult", "LoRAS", "LorasConfig", "MarkerConfig",
    "ModelFileError", "NeedleError", "ParameterError", "QueryMismatchError", "RareCellModel",
    "RareTask", "RunError", "SearchConfig", "SearchResult", "SearchSpace", "SyntheticComparison",
    "TrainingConfig", "TransferConfig", "__version__", "annotate", "check_file",
    "compare_synthetic", "demo_query", "demo_reference", "find_markers", "iter_folds",
    "iter_search", "load_model", "open_dataset", "plan_folds", "score_calls", "search_parameters",
    "suggest_types", "summarise", "train",
]  # fmt: skip
HEAVY = [
    "sklearn", "scipy", "anndata", "scanpy", "streamlit", "plotly", "umap", "imblearn", "skops",
    "pandas", "numpy",
]  # fmt: skip
# Alembic itself runs its environment and the steps; to import them alone is an error.
SCRIPTS = ("core.jobs.migrations.env", "core.jobs.migrations.versions")
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(core.__path__, "core.")
    if not module.name.startswith(SCRIPTS)
)


def test_exactly_the_promised_names_are_public():
    assert set(core.__all__) == set(CONTRACT)
    assert len(core.__all__) == len(CONTRACT)
    assert core.__all__ == sorted(core.__all__)


@pytest.mark.parametrize("name", CONTRACT)
def test_a_public_name_is_there_and_listed(name):
    assert getattr(core, name) is not None
    assert name in dir(core)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("Dataset", "path name digest n_cells n_genes genes cells obs scale findings report "
                    "expression label_columns"),
        ("FoldResult", "method repeat fold n_train_rare n_test_rare n_synthetic markers tp fp fn "
                       "tn precision recall f1 average_precision balanced_accuracy seconds "
                       "test_cells scores task config"),
        ("CrossValidation", "table out_of_fold recommended task config"),
        ("RareCellModel", "genes task config threshold metrics score save"),
        ("Annotation", "table coverage findings to_csv to_cell_ids to_h5ad with_threshold "
                       "transfer is_absent clusters"),
        ("CallScores", "tp fp fn tn precision recall f1"),
        ("FileReport", "name format n_cells n_genes scale findings verdict to_dict to_json"),
        ("Finding", "code message next_step options suggested"),
    ],
)  # fmt: skip
def test_a_public_class_has_the_promised_members(name, members):
    cls = getattr(core, name)
    there = set(dir(cls)) | set(cls.__dataclass_fields__)
    assert set(members.split()) <= there


@pytest.mark.parametrize("name", ["LoRas", "read_h5ad", "_open", "evaluate"])
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"module 'core' has no attribute '{name}'"):
        getattr(core, name)


def run(code):
    """What a new Python prints that runs this code in the checkout."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_importing_the_library_loads_none_of_the_heavy_ones():
    loaded = run(f"import core, sys; print(*[m for m in {HEAVY} if m in sys.modules])")
    assert loaded == []


def test_asking_for_a_setting_loads_none_of_the_heavy_ones():
    code = "import core, sys; core.TrainingConfig(); core.ParameterError; "
    assert run(code + "print('sklearn' in sys.modules, 'numpy' in sys.modules)") == ["False"] * 2


def test_the_whole_library_never_loads_streamlit():
    code = "from core import *; import core.jobs, core.plots, sys; print('streamlit' in sys.modules"
    assert run(code + ", 'sklearn' in sys.modules)") == ["False", "True"]


@pytest.mark.parametrize("name", MODULES)
def test_every_example_in_a_docstring_gives_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an example may write a file
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_the_examples_are_found_at_all():
    examples = [
        test
        for name in ("core.evaluation", "core.training", "core.annotation")
        for test in doctest.DocTestFinder().find(importlib.import_module(name))
        if test.examples
    ]
    assert len(examples) == 3
