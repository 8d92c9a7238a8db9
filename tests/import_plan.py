"""Who may import whom: the plan of the house, and a reader of imports that compares."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

# Each room, and the rooms it may call. A room is a module of core, or a package with all in it.
BASE = {"errors", "config", "method_config"}
DATA = BASE | {"paths", "data"}
TOOLS = DATA - {"paths"} | {"markers", "oversampling", "classifiers"}
JUDGING = BASE | {"config_checks", "spread", "query_outlook", "thresholds"}
FOLDS = JUDGING | {"fold_results", "out_of_fold"}
SCORES = TOOLS | {"fitting", "splits", "evaluation", "comparison", "summary"}
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "config_checks": {"errors"},
    "method_config": {"config_checks"},
    "config": {"errors", "config_checks", "method_config"},
    "transfer_config": {"config_checks"},
    "paths": {"errors"},
    "text": {"errors", "config"},
    "data": BASE | {"paths"},
    "markers": BASE | {"data"},
    "profiles": BASE | {"data"},
    "oversampling": BASE | {"data", "text"},
    "classifiers": BASE,
    "fitting": TOOLS,
    "context": BASE | {"data"},
    "folds": BASE,
    "splits": BASE | {"data", "folds"},
    "fold_results": BASE,
    "evaluation": TOOLS | {"fitting", "fold_results", "folds", "splits"},
    "spread": set(),
    "query_outlook": {"config_checks", "spread"},
    "thresholds": {"config", "config_checks", "spread", "query_outlook"},
    "calibration": {"config_checks", "spread"},
    "out_of_fold": {"fold_results", "thresholds"},
    "comparison": TOOLS | {"out_of_fold", "spread"},
    "score_rows": FOLDS | {"comparison"},
    "summary": FOLDS | {"calibration", "comparison", "score_rows"},
    "presets": BASE,
    "version": set(),
    "model_refusals": {"errors"},
    "model_archive": {"errors", "model_refusals"},
    "model_trust": {"errors", "model_refusals"},
    "model_header": BASE | {"config_checks", "oversampling"},
    "model_checks": BASE | {"classifiers"},
    "model_file": BASE
    | {"context", "model_archive", "model_checks", "model_header", "model_refusals", "model_trust"}
    | {"version"},
    "model": SCORES | {"context", "model_file", "calibration"},
    "training": SCORES | {"context", "fold_results", "model"},
    "search": TOOLS
    | {"config_checks", "fitting", "fold_results", "folds", "score_rows", "splits", "spread"}
    | {"thresholds", "text", "phrases"},
    "novelty": set(),
    "query_findings": BASE | {"data", "model", "novelty", "text"},
    "transfer": TOOLS
    | {"config_checks", "transfer_config", "fitting", "embedding", "model", "spread"},
    "calls": {"errors", "text"},
    "annotation": SCORES
    | {"calls"}
    | {"model", "query_findings", "transfer", "transfer_config"}
    | {"text"},
    "selection": BASE | {"config_checks", "data", "annotation", "transfer", "text"},
    "type_names": set(),
    "label_mapping": BASE | {"data", "summary", "annotation", "type_names"},
    "embedding": BASE | {"data", "oversampling"},
    "synthetic": TOOLS | {"fitting", "embedding"},
    "phrases": {"text"},
    "score_words": BASE
    | {"calibration", "phrases", "query_outlook", "summary", "text", "thresholds"},
    "wording": BASE | {"comparison", "phrases", "score_words", "summary", "text"},
    "plots": BASE | {"text"},
    "report": BASE | {"plots", "wording"},
}
ALL_OF_CORE = set(ROOMS)
ROOMS["jobs"] = ALL_OF_CORE | {"core"}
ROOMS["core"] = ALL_OF_CORE  # core/__init__.py, the public names
ROOMS["pages.ui"] = ROOMS["jobs"] | {"jobs"}
ROOMS["pages"] = ROOMS["pages.ui"] | {"pages.ui"}
ROOMS["app"] = {"pages.ui"}
SCREENS = {"app", "pages", "pages.ui"}
# Screens draw; whatever computes belongs to core.
SCREEN_LIBRARIES = {"streamlit", "pandas", "numpy", "plotly"}
OURS = {"app", "core", "pages", "tests", "benchmarks", "assets"}


def room_of(module: str) -> str:
    """Name the room of a dotted module name."""
    first, *rest = module.split(".")
    if first == "core" and rest:
        return rest[0]
    return "pages.ui" if module.startswith("pages.ui") else first


def imported_names(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, anywhere in it, with the line; relative ones resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            stem = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            yield from ((node.lineno, f"{stem}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            named = [a.value for a in node.args[:1] if isinstance(a, ast.Constant)]
            yield from ((node.lineno, str(name)) for name in named)


def target_of(root: Path, name: str) -> str:
    """Cut an imported name back to the module that is meant: ``core.LoRAS`` means ``core``."""
    parts = name.split(".")
    if parts[0] in OURS:
        while len(parts) > 1:
            path = root.joinpath(*parts)
            if path.is_dir() or path.with_suffix(".py").is_file():
                break
            parts.pop()
    return ".".join(parts)


def source_files(root: Path) -> list[Path]:
    return [
        root / "app.py",
        *sorted(root.glob("pages/**/*.py")),
        *sorted(root.glob("core/**/*.py")),
    ]


def wrong_arrows(root: Path) -> list[str]:
    """Imports in ``app.py``, ``pages`` and ``core`` that the plan does not allow."""
    return [
        f"{path.relative_to(root).as_posix()}:{line} {complaint}"
        for path in source_files(root)
        if path.is_file()
        for line, complaint in complaints(root, path)
    ]


def complaints(root: Path, path: Path) -> Iterator[tuple[int, str]]:
    parts = path.relative_to(root).with_suffix("").parts
    package = ".".join(parts[:-1])
    room = room_of(package if parts[-1] == "__init__" else ".".join(parts))
    if room not in ROOMS:
        yield 1, f"has no place in the plan: give `{room}` one in ROOMS"
        return
    for line, name in imported_names(ast.parse(path.read_text("utf-8")), package):
        target = target_of(root, name)
        library = target.split(".")[0]
        if library in OURS:
            goal = room_of(target)
            same = goal == room and room not in ("pages", "app")
            if not same and goal not in ROOMS[room]:
                yield line, f"`{room}` must not import `{target}`"
        elif room in SCREENS:
            if library not in SCREEN_LIBRARIES | sys.stdlib_module_names:
                yield line, f"`{room}` must not import `{target}`: a screen computes nothing"
        elif library == "streamlit":
            yield line, "core must not import streamlit"
