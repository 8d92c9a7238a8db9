"""The peers' own environment, and the files through which they get cells and give calls."""

from __future__ import annotations

import json
import subprocess
import venv
from collections.abc import Iterable, Iterator
from pathlib import Path

import anndata as ad
import pandas as pd

from benchmarks.transfer.outcomes import Outcome
from benchmarks.transfer.tasks import LABEL, Case
from core.data import Dataset

__all__ = ["make_environment", "run_peers"]

HERE = Path(__file__).resolve().parent
REQUIREMENTS, SCRIPT = HERE / "peers.txt", HERE / "peers.py"


def make_environment(folder: Path) -> Path:
    """Make the environment of ``peers.txt`` in a folder, unless the same is already there.

    Parameters
    ----------
    folder : pathlib.Path
        Where; nothing else in it is touched.

    Returns
    -------
    pathlib.Path
        Its interpreter.
    """
    python, stamp = folder / "bin" / "python", folder / REQUIREMENTS.name
    wanted = REQUIREMENTS.read_text("utf-8")
    if not (stamp.exists() and stamp.read_text("utf-8") == wanted):
        venv.create(folder, with_pip=True)
        run([python, "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS])
        stamp.write_text(wanted, encoding="utf-8")
    return python


def run(command: list[str | Path]) -> None:
    """Run a command silently; what it said is shown only when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}\nFailed: {command}")


def run_peers(cases: Iterable[Case], python: Path, folder: Path) -> Iterator[Outcome]:
    """Run the peers on all cases, in one process of their own.

    Parameters
    ----------
    cases : iterable of Case
        Cases with the same query share one run: the peers name all types at once.
    python : pathlib.Path
        Interpreter of the peers' environment.
    folder : pathlib.Path
        Empty folder for the files in between.
    """
    cases = list(cases)
    jobs = {key_of(case): job_of(case, folder) for case in cases}
    (folder / "jobs.json").write_text(json.dumps(list(jobs.values())), encoding="utf-8")
    # Isolated: neither this process's paths nor its packages reach the peers.
    run([python, "-I", SCRIPT, folder / "jobs.json"])
    for case in cases:
        for peer in sorted(Path(jobs[key_of(case)]["out"]).iterdir()):
            yield from read_outcomes(case, peer)


def key_of(case: Case) -> str:
    """Name of a pair of files."""
    return f"{case.reference.digest[:12]}-{case.query.digest[:12]}"


def job_of(case: Case, folder: Path) -> dict[str, str]:
    """Write the cells of a case for the peers: all reference labels, none of the query's."""
    reference, query = (folder / f"{d.digest}.h5ad" for d in (case.reference, case.query))
    if not reference.exists():
        write_cells(case.reference, reference, labels=case.reference.labels(LABEL))
    query = query.with_suffix(".query.h5ad")
    if not query.exists():
        write_cells(case.query, query)
    return {"reference": str(reference), "query": str(query), "out": str(folder / key_of(case))}


def write_cells(dataset: Dataset, path: Path, *, labels: pd.Series | None = None) -> None:
    """Write log1p of counts per 10,000; with labels, the labelled cells alone."""
    obs = pd.DataFrame(index=dataset.cells)
    cells = ad.AnnData(dataset.matrix(), obs=obs, var=pd.DataFrame(index=dataset.genes))
    if labels is not None:
        cells = cells[labels.notna().to_numpy()].copy()
        cells.obs[LABEL] = labels.dropna().astype(str).to_numpy()
    cells.write_h5ad(path)


def read_outcomes(case: Case, peer: Path) -> Iterator[Outcome]:
    """Read what a peer wrote; it may have more than one way to call."""
    rare = case.transfer.rare
    calls, scores = (
        pd.read_csv(peer / name, index_col="cell", keep_default_na=False, dtype={"cell": str})
        for name in ("calls.csv", "scores.csv")
    )
    if not (calls.index.equals(case.query.cells) and scores.index.equals(case.query.cells)):
        raise SystemExit(f"{peer.name} gave other cells than it got")
    took = json.loads((peer / "seconds.json").read_text("utf-8"))
    for name in calls.columns:
        called = (calls[name] == rare).to_numpy()
        yield Outcome(case, name, called, scores[rare].to_numpy(float), **took)
