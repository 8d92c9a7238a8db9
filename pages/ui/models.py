"""The models that can be chosen: of this session's training, of earlier ones, from files."""

from __future__ import annotations

from core import jobs
from core.config import TrainingConfig, config_from_dict
from core.jobs import Run, State
from core.wording import method_label
from pages.ui.state import AppState
from pages.ui.widgets import local_time

__all__ = ["available_models"]

_N_EARLIER = 20


def available_models(state: AppState) -> dict[str, str]:
    """Path and title of every model on offer, the most likely one first.

    First comes the one that was just imported or opened, then all methods of this session's
    training with the recommended one ahead, then the recommended models of earlier trainings,
    then files that were imported before.
    """
    trainings = jobs.get_database().runs(kind="train", state=State.DONE)
    imports = jobs.get_database().runs(kind="import_model", state=State.DONE)
    titles = {_path(run, method): _title(run, method) for run in trainings for method in _all(run)}
    titles |= {run.summary["model"]: _imported_title(run) for run in imports}
    order = [state.model] if state.model in titles else []
    order += [_path(run, m) for run in trainings if run.id == state.training for m in _all(run)]
    order += [_path(run, _all(run)[0]) for run in trainings[:_N_EARLIER]]
    order += [run.summary["model"] for run in imports[:_N_EARLIER]]
    return {path: titles[path] for path in order}


def _all(run: Run) -> list[str]:
    """Methods of a training, the recommended one first."""
    config = config_from_dict(TrainingConfig, run.config["training"])
    return sorted(map(str, config.methods()), key=lambda name: name != run.summary["preselected"])


def _path(run: Run, method: str) -> str:
    return str(jobs.run_folder(run.id) / f"{method}.skops")


def _title(run: Run, method: str) -> str:
    best = ", recommended" if method == run.summary["recommended"] else ""
    when = run.finished or run.created
    return f"{method_label(method)}{best} · {run.title} · {local_time(when):%d %b %H:%M}"


def _imported_title(run: Run) -> str:
    return f"{run.summary['title']} · from {run.title}"
