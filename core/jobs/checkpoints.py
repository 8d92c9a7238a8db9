"""Finished folds of a training, each in a file of its own, so that none is computed twice.

A worker may be killed at any moment. Every file is written in the run's unfinished folder, which is
thrown away with the run's other half-written files, and is complete when it moves into the folder
of checkpoints. It begins with a check sum of its content and of all that the fold depends on: a
fold that a power cut has damaged, or that was computed under other conditions, is computed again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from core.config import RareTask, TrainingConfig, config_to_dict
from core.evaluation import FoldKey, FoldResult
from core.jobs.folders import checkpoint_folder, run_of
from core.jobs.results import fold_from_parts, fold_to_parts
from core.jobs.versions import versions

__all__ = ["Checkpoints", "fingerprint"]

# Raised whenever what a fold means changes, so that folds of older versions are computed again.
LAYOUT = 2
SUM_LENGTH = hashlib.sha256().digest_size


class Checkpoints:
    """The finished folds of one run.

    Parameters
    ----------
    unfinished : pathlib.Path
        Folder in which the run writes, see :func:`core.jobs.folders.unfinished_folder`.
    digest : str
        Content of the dataset.
    task : RareTask
        What is trained.
    config : TrainingConfig
        How. Folds of another dataset, task or configuration, or that other versions of the
        libraries computed, count as not there.
    kind : str
        Tells the cross-validations of one run apart.
    """

    def __init__(
        self,
        unfinished: Path,
        digest: str,
        task: RareTask,
        config: TrainingConfig,
        *,
        kind: str = "fold",
    ) -> None:
        self._kind = kind
        self._unfinished, self._folder = unfinished, checkpoint_folder(run_of(unfinished))
        self._made_by = {"task": task, "config": config}
        self._fingerprint = fingerprint(digest, task, config)

    def save(self, fold: FoldResult) -> None:
        """Keep one fold; its file appears whole or not at all."""
        about, arrays = fold_to_parts(fold)
        content = io.BytesIO()
        np.savez(content, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
        target = self._file(fold.key)
        part = self._unfinished / target.name
        # Not flushed to the disk: that could take longer than the fold itself, and whatever a
        # power cut leaves of the file is recognised.
        part.write_bytes(self._check_sum(content.getvalue()) + content.getvalue())
        target.parent.mkdir(exist_ok=True)
        os.replace(part, target)

    def load(self, keys: Iterable[FoldKey]) -> list[FoldResult]:
        """Return the folds among `keys` that are there, whole and made by the same, in order."""
        found = (self._read(key) for key in keys)
        return [fold for fold in found if fold is not None]

    def _file(self, key: FoldKey) -> Path:
        repeat, fold, method = key
        return self._folder / f"{self._kind}.{repeat}.{fold}.{method}.npz"

    def _read(self, key: FoldKey) -> FoldResult | None:
        try:
            raw = self._file(key).read_bytes()
        except FileNotFoundError:
            return None
        check_sum, content = raw[:SUM_LENGTH], raw[SUM_LENGTH:]
        if check_sum != self._check_sum(content):
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = dict(archive)
        return fold_from_parts(json.loads(arrays.pop("about").tobytes()), arrays, self._made_by)

    def _check_sum(self, content: bytes) -> bytes:
        return hashlib.sha256(self._fingerprint + content).digest()


def fingerprint(digest: str, task: RareTask, config: TrainingConfig) -> bytes:
    """SHA-256 of everything that a fold's result depends on, the libraries' versions included."""
    parts = {
        "layout": LAYOUT,
        "dataset": digest,
        "task": config_to_dict(task),
        "config": config_to_dict(config),
        "versions": versions(),  # another one may change the last digits of a score
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()
