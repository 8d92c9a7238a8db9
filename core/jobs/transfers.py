"""What an annotation run keeps of a transfer: what took long, or cannot be had again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from core.config import config_from_dict, config_to_dict
from core.data import Dataset
from core.model import RareCellModel
from core.transfer import GroupVerdict, ShareEstimate, Transfer, make_comparable
from core.transfer_config import TransferConfig

__all__ = ["load_transfer", "save_transfer"]

_SCORES = ("before", "refined", "scores")
_VIEW = "view_"


def save_transfer(folder: Path, transfer: Transfer) -> None:
    """Write a transfer as JSON (what is small) and NPZ; reference and query are not kept."""
    arrays: dict[str, npt.NDArray] = {name: getattr(transfer, name) for name in _SCORES}
    arrays |= {_VIEW + name: odds for name, odds in transfer.views.items()}
    arrays["shift"] = transfer.shift.probabilities
    graph = transfer.graph
    arrays |= {"data": graph.data, "indices": graph.indices, "indptr": graph.indptr}
    np.savez_compressed(folder / "transfer.npz", **arrays)
    shift = transfer.shift
    about = {
        "threshold": transfer.threshold,
        "verdict": asdict(transfer.verdict),
        "shift": {"share": shift.share, "low": shift.low, "high": shift.high},
        "steps": list(transfer.steps),
        "config": config_to_dict(transfer.config),
    }
    (folder / "transfer.json").write_text(json.dumps(about), encoding="utf-8")


def load_transfer(folder: Path, model: RareCellModel, dataset: Dataset) -> Transfer | None:
    """Read what :func:`save_transfer` wrote; ``None`` where a run had no transfer."""
    file = folder / "transfer.json"
    if not file.exists():
        return None
    about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    with np.load(folder / "transfer.npz") as archive:
        arrays = dict(archive)
    config = config_from_dict(TransferConfig, about["config"])
    n_cells = len(arrays["scores"])
    parts = (arrays["data"], arrays["indices"], arrays["indptr"])
    return Transfer(
        views={n.removeprefix(_VIEW): odds for n, odds in arrays.items() if n.startswith(_VIEW)},
        **{name: arrays[name] for name in _SCORES},
        threshold=about["threshold"],
        verdict=GroupVerdict(**about["verdict"]),
        shift=ShareEstimate(**about["shift"], probabilities=arrays["shift"]),
        cells=make_comparable(model, dataset, config),
        graph=sparse.csr_matrix(parts, shape=(n_cells, n_cells)),
        steps=tuple(about["steps"]),
        config=config,
    )
