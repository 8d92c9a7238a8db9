"""README's tables of calls in another lab's data, beside the peers'.

``python -m benchmarks.transfer [FOLDER] [--only tasks|absent|ablation] [--no-peers]``: the peers
are installed into FOLDER, and found there by the next run; without it, into a folder that is
deleted at the end.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.transfer.ablation import ablation_table, run_ablation
from benchmarks.transfer.outcomes import Outcome
from benchmarks.transfer.peers_env import make_environment, run_peers
from benchmarks.transfer.recipes import run_recipes
from benchmarks.transfer.tables import absent_table, f1_table, mean_table, task_table
from benchmarks.transfer.tasks import Case, absent_cases, full_cases

PARTS = ("tasks", "absent", "ablation")


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer")
    parser.add_argument("folder", nargs="?", type=Path, help="where the peers are installed")
    parser.add_argument("--only", choices=PARTS, help="one part of the benchmark")
    parser.add_argument("--no-peers", action="store_true", help="Needle alone")
    return parser.parse_args()


def measure(cases: list[Case], asked: argparse.Namespace, scratch: Path) -> list[Outcome]:
    """All methods on all cases, one after the other, so that none slows another one down."""
    outcomes = list(run_recipes(cases))
    if not asked.no_peers:
        python = make_environment(asked.folder or scratch / "environment")
        (scratch / "peers").mkdir()
        outcomes += run_peers(cases, python, scratch / "peers")
    return outcomes


def print_methods(outcomes: list[Outcome], part: str | None) -> None:
    """Print the tables that compare methods."""
    if part in (None, "tasks"):
        full = [outcome for outcome in outcomes if not outcome.case.is_absent]
        print(f"{mean_table(full)}\n\n{f1_table(full)}\n")
        print(f"<details><summary>Every figure</summary>\n\n{task_table(full)}\n\n</details>\n")
    if part in (None, "absent"):
        absent = [outcome for outcome in outcomes if outcome.case.is_absent]
        print(f"The rare type removed from each query:\n\n{absent_table(absent)}\n")


def main() -> None:
    """Print the tables."""
    asked = arguments()
    part: str | None = asked.only
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        # A data folder of its own: nothing is left behind, and nothing kept earlier helps.
        os.environ["NEEDLE_HOME"] = str(scratch / "home")
        cases = [] if part == "absent" else list(full_cases())
        cases += [] if part == "tasks" else absent_cases(scratch)
        if part != "ablation":
            print_methods(measure(cases, asked, scratch), part)
        if part in (None, "ablation"):
            print(ablation_table(run_ablation(cases)))


if __name__ == "__main__":
    main()
