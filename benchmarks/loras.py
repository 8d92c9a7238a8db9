"""Time and memory of LoRAS beside imbalanced-learn's SMOTE: ``python -m benchmarks.loras``.

Both bring 625 rare cells up to 15,758 (100 genes, as many as the other cells), on one thread and
on the same cells, first alternating and then each in a row.
"""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.over_sampling.base import BaseOverSampler
from threadpoolctl import threadpool_limits

from core.oversampling import LoRAS

N_RARE, N_OTHER, N_GENES = 625, 15_758, 100
N_REPEATS = 31
SAMPLERS = {"LoRAS": LoRAS(random_state=0), "SMOTE": SMOTE(random_state=0)}


def make_cells(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Return normal cells (cells, genes), the rare ones shifted, and who is rare."""
    rng = np.random.default_rng(0)
    is_rare = np.arange(N_RARE + N_OTHER) < N_RARE
    cells = rng.standard_normal((is_rare.size, N_GENES)) + is_rare[:, np.newaxis]
    return cells.astype(dtype), is_rare.astype(int)


def measure_seconds(cells: np.ndarray, is_rare: np.ndarray, order: str) -> dict[str, np.ndarray]:
    """Seconds of each call (n_repeats,) by sampler.

    Alternating calls meet the same load of the machine, but the second sampler gets the memory
    that the first one has just returned. In a row, each sampler only meets its own.
    """
    names = list(SAMPLERS)
    if order == "alternating":
        calls = names * (N_REPEATS + 1)
    else:
        calls = [name for name in names for _ in range(N_REPEATS + 1)]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for name in calls:
        start = time.perf_counter()
        SAMPLERS[name].fit_resample(cells, is_rare)
        seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values[1:]) for name, values in seconds.items()}  # the first warms up


def measure_memory(sampler: BaseOverSampler, cells: np.ndarray, is_rare: np.ndarray) -> float:
    """Peak memory of one call in units of the returned cells' size."""
    tracemalloc.start()
    resampled, _ = sampler.fit_resample(cells, is_rare)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / resampled.nbytes


def main() -> None:
    """Print one line per number type and order of calls, and the memory of both samplers."""
    print(f"{N_RARE:,} -> {N_OTHER:,} rare cells x {N_GENES} genes, one thread, n = {N_REPEATS}")
    for dtype in (np.float32, np.float64):
        cells, is_rare = make_cells(dtype)
        for order in ("alternating", "in a row"):
            with threadpool_limits(1):
                loras, smote = measure_seconds(cells, is_rare, order).values()
            times = f"LoRAS {np.median(loras):.4f} s, SMOTE {np.median(smote):.4f} s (medians)"
            ratio = np.median(loras) / np.median(smote)
            best = f"{loras.min() / smote.min():.2f} of the best calls"
            print(f"{dtype.__name__}  {order:11s}  {times}, ratio {ratio:.2f}, {best}")
        memory = [measure_memory(sampler, cells, is_rare) for sampler in SAMPLERS.values()]
        print(
            f"{dtype.__name__}  peak memory  LoRAS {memory[0]:.2f}, SMOTE {memory[1]:.2f} x output"
        )


if __name__ == "__main__":
    main()
