"""Time and memory of LoRAS beside imbalanced-learn's SMOTE: ``python -m benchmarks.loras``.

Both bring 625 rare cells up to 15,758 (100 genes, as many as the other cells), in turn, on one
thread and on the same cells.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc

import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.over_sampling.base import BaseOverSampler
from threadpoolctl import threadpool_limits

from core.oversampling import LoRAS

N_RARE, N_OTHER, N_GENES = 625, 15_758, 100
N_REPEATS = 21
SAMPLERS = {"LoRAS": LoRAS(random_state=0), "SMOTE": SMOTE(random_state=0)}


def make_cells(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Return normal cells (cells, genes), the rare ones shifted, and who is rare."""
    rng = np.random.default_rng(0)
    is_rare = np.arange(N_RARE + N_OTHER) < N_RARE
    cells = rng.standard_normal((is_rare.size, N_GENES)) + is_rare[:, np.newaxis]
    return cells.astype(dtype), is_rare.astype(int)


def measure_seconds(cells: np.ndarray, is_rare: np.ndarray) -> dict[str, float]:
    """Median seconds of each sampler, run alternately so that both meet the same machine."""
    seconds: dict[str, list[float]] = {name: [] for name in SAMPLERS}
    for _ in range(N_REPEATS):
        for name, sampler in SAMPLERS.items():
            start = time.perf_counter()
            sampler.fit_resample(cells, is_rare)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def measure_memory(sampler: BaseOverSampler, cells: np.ndarray, is_rare: np.ndarray) -> float:
    """Peak memory of one call in units of the returned cells' size."""
    tracemalloc.start()
    resampled, _ = sampler.fit_resample(cells, is_rare)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / resampled.nbytes


def main() -> None:
    """Print one line per sampler and number type, and the ratio of the two times."""
    print(f"{N_RARE:,} -> {N_OTHER:,} rare cells x {N_GENES} genes, one thread, n = {N_REPEATS}")
    for dtype in (np.float32, np.float64):
        cells, is_rare = make_cells(dtype)
        with threadpool_limits(1):
            seconds = measure_seconds(cells, is_rare)
        for name, sampler in SAMPLERS.items():
            memory = measure_memory(sampler, cells, is_rare)
            line = f"{seconds[name]:.4f} s (median), peak memory {memory:.2f} x output"
            print(f"{dtype.__name__}  {name:6s} {line}")
        print(f"{dtype.__name__}  LoRAS / SMOTE {seconds['LoRAS'] / seconds['SMOTE']:.2f}")


if __name__ == "__main__":
    main()
