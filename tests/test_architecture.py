"""The house keeps its plan: who may import whom, and what every public name owes its reader."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import core
from tests.import_plan import wrong_arrows

ROOT = Path(__file__).parents[1]
PUBLIC = getattr(core, "__all__", [])
CALLABLES = [name for name in PUBLIC if callable(getattr(core, name, None))]


def test_every_import_follows_the_plan():
    assert wrong_arrows(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("core/markers.py", "from core.model import x", "`markers` must not import `core.model`"),
        ("core/config.py", "import core.data", "`config` must not import `core.data`"),
        ("core/markers.py", "from core import model", "`markers` must not import `core.model`"),
        ("core/model.py", "from core import train", "`model` must not import `core`"),
        ("core/plots/maps.py", "from ..model import load", "`plots` must not import `core.model`"),
        ("core/data/genes.py", "from .. import jobs", "`data` must not import `core.jobs`"),
        ("core/model.py", "def f():\n    import streamlit.web", "core must not import streamlit"),
        ("core/model.py", "from pages.ui import state", "`model` must not import `pages.ui.state`"),
        ("core/jobs/run.py", "from importlib import import_module as m\nimport importlib\n"
         "importlib.import_module('streamlit')", "core must not import streamlit"),
        ("core/attic.py", "", "give `attic` one in ROOMS"),
        ("pages/train.py", "from pages.runs import table", "`pages` must not import `pages.runs`"),
        ("pages/train.py", "import pages.runs", "`pages` must not import `pages.runs`"),
        ("pages/train.py", "import sklearn.svm", "`pages` must not import `sklearn.svm`"),
        ("pages/ui/state.py", "import pages.runs", "`pages.ui` must not import `pages.runs`"),
        ("app.py", "from core import train", "`app` must not import `core`"),
        ("app.py", "import pages.train", "`app` must not import `pages.train`"),
        ("core/data/demo.py", "import tests.helpers", "`data` must not import `tests`"),
    ],
)  # fmt: skip
def test_a_planted_wrong_arrow_is_reported(tmp_path, file, line, complaint):
    plant(tmp_path, file, line)
    (found,) = wrong_arrows(tmp_path)
    assert found.startswith(f"{file}:")
    assert complaint in found


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("app.py", "import streamlit\nfrom pathlib import Path\nfrom pages.ui import state"),
        ("pages/train.py", "import streamlit\nimport core\nfrom core import jobs\nimport pages.ui"),
        ("pages/ui/state.py", "from pages.ui.cache import x\nfrom core.errors import NeedleError"),
        ("core/model.py", "import numpy, scanpy\nfrom core.data.genes import match\nimport pickle"),
        ("core/data/genes.py", "from . import store\nfrom .store import x\nfrom ..errors import y"),
        ("core/jobs/run.py", "import core\nfrom core import annotation, train"),
        ("core/__init__.py", "from core.model import train\nfrom .errors import NeedleError"),
    ],
)
def test_a_right_arrow_is_not_reported(tmp_path, file, line):
    plant(tmp_path, file, line)
    assert wrong_arrows(tmp_path) == []


def plant(root: Path, file: str, text: str) -> None:
    """Make a small house under `root` with `text` in one of its files."""
    names = ("core/__init__", "core/model", "core/annotation", "core/errors", "core/data/store",
             "core/data/__init__", "core/jobs/__init__", "pages/runs", "pages/train",
             "pages/ui/state", "pages/ui/cache")  # fmt: skip
    for name in names:
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    target = root / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def test_no_test_package_shadows_core():
    assert not (ROOT / "tests" / "core" / "__init__.py").exists()


def test_app_only_configures_navigates_and_runs():
    assert len((ROOT / "app.py").read_text("utf-8").splitlines()) <= 40


def test_core_prints_nothing():
    printing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(ROOT.glob("core/**/*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    assert printing == []


def test_core_names_its_public_names():
    assert PUBLIC
    assert len(set(PUBLIC)) == len(PUBLIC)
    assert [name for name in PUBLIC if not hasattr(core, name)] == []


@pytest.mark.parametrize("name", CALLABLES)
def test_public_names_say_what_goes_in_and_what_comes_out(name):
    public = getattr(core, name)
    text = inspect.getdoc(public) or ""
    own = "__doc__" in vars(public) and public.__doc__ if inspect.isclass(public) else text
    assert own, f"core.{name} has no docstring of its own"
    for section in sections_owed(public):
        assert re.search(rf"^({section})\n-+$", text, re.MULTILINE), f"core.{name}: {section}?"


def sections_owed(public: object) -> Iterator[str]:
    """Sections that a numpydoc docstring must have; exceptions need none."""
    if inspect.isclass(public):
        if not issubclass(public, BaseException) and (
            dataclasses.is_dataclass(public) or inspect.signature(public).parameters
        ):
            yield "Parameters|Attributes"
        return
    signature = inspect.signature(public)
    if signature.parameters:
        yield "Parameters"
    if signature.return_annotation not in (None, "None", inspect.Signature.empty):
        yield "Returns|Yields"


@pytest.mark.parametrize("file", ["README.md", "CHANGELOG.md", "LICENSE"])
def test_the_house_has_its_papers(file):
    assert (ROOT / file).read_text("utf-8").strip()


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly(file):
    lines = [line.split("#")[0].strip() for line in (ROOT / file).read_text("utf-8").splitlines()]
    loose = [x for x in lines if x and not re.fullmatch(r"-r \S+|[\w.-]+==[\w.]+", x)]
    assert loose == []


def test_the_checks_can_be_run_by_themselves():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
