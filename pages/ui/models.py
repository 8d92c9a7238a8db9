"""The models that can be chosen: of this session's training, of earlier ones, from files."""

from __future__ import annotations

from core import jobs
from core.config import TrainingConfig, config_from_dict
from core.jobs import Run, State
from core.wording import method_label
from pages.ui.state import AppState

__all__ = ["available_models"]

_N_EARLIER = 20


def available_models(state: AppState, imported: Run | None) -> dict[str, str]:
    """Path and title of every model on offer, the most likely one first.

    A model that was just imported comes first, then all methods of this session's training with
    the recommended one ahead, then the recommended models of earlier trainings, then files that
    were imported before.
    """
    models: dict[str, str] = {}
    if imported is not None:
        models[imported.summary["model"]] = _imported_title(imported)
    trainings = jobs.get_database().runs(kind="train", state=State.DONE, limit=_N_EARLIER)
    mine = [run for run in trainings if run.id == state.training]
    for run in mine:
        methods = [
            str(m) for m in config_from_dict(TrainingConfig, run.config["training"]).methods()
        ]
        for method in sorted(methods, key=lambda m: m != run.summary["recommended"]):
            models[_path(run, method)] = _title(run, method)
    for run in trainings:
        models.setdefault(
            _path(run, run.summary["recommended"]), f"{_title(run, run.summary['recommended'])}"
        )
    for run in jobs.get_database().runs(kind="import_model", state=State.DONE, limit=_N_EARLIER):
        models.setdefault(run.summary["model"], _imported_title(run))
    return models


def _path(run: Run, method: str) -> str:
    return str(jobs.run_folder(run.id) / f"{method}.skops")


def _title(run: Run, method: str) -> str:
    best = ", recommended" if method == run.summary["recommended"] else ""
    when = run.finished or run.created
    return f"{method_label(method)}{best} · {run.title} · {when:%d %b %H:%M}"


def _imported_title(run: Run) -> str:
    return f"{run.summary['title']} · from {run.title}"
