"""README's figures of a search: ``python -m benchmarks.search [SETTINGS]``, on the demo, 3 times.

At random and by successive halving, nested cross-validation included, with what was promised.
"""

from __future__ import annotations

import statistics
import sys
import time

import core
from core.data import DEMO_MARKERS, DEMO_TASK
from core.search import estimate

REPEATS = 3


def main(n_settings: str = "200") -> None:
    """Print the table."""
    reference = core.demo_reference()
    base = core.TrainingConfig(markers=DEMO_MARKERS)
    space = core.SearchSpace(
        samplers=("none", "weights", "smote", "loras"), markers=(5, 10, 20, 50, 100)
    )
    print("| strategy | settings | fits | seconds | promised | best of the search | nested |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for strategy in ("random", "halving"):
        config = core.SearchConfig(
            space=space, strategy=strategy, n_settings=int(n_settings), base=base
        )
        promised, seconds = estimate(reference, DEMO_TASK, config), []
        for _ in range(REPEATS):
            started = time.perf_counter()
            result = core.search_parameters(reference, DEMO_TASK, config)
            seconds.append(time.perf_counter() - started)
        nested = result.nested
        print(
            f"| {strategy} | {result.n_settings} | {promised.n_fits:,} "
            f"| {statistics.median(seconds):.0f} | {promised.seconds:.0f} "
            f"| F1 {result.best_score:.2f} "
            f"| {nested.score:.2f} ({nested.low:.2f}–{nested.high:.2f}) |"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
