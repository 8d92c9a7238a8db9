"""Damaged files against the door: ``python -m benchmarks.mutations [FILES]`` (1,000 by default).

Valid files of every format have bytes flipped, are cut, or get pieces of themselves or of others
put in, by a seeded generator, and are read by real worker processes as uploads are. Printed: how
each run ended, by code; how many processes died; whether any incident (a traceback) was logged.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core import jobs
from core.data import Dataset, load_dataset, open_dataset
from core.errors import ChoiceNeeded
from core.jobs.folders import log_file
from tests.valid_files import write_valid_files

Change = Callable[[bytearray, np.random.Generator, bytes], bytes]


def flip(content: bytearray, rng: np.random.Generator, other: bytes) -> bytes:
    """Change 1 to 32 bytes anywhere."""
    for place in rng.integers(0, len(content), rng.integers(1, 33)):
        content[place] ^= int(rng.integers(1, 256))
    return bytes(content)


def flip_early(content: bytearray, rng: np.random.Generator, other: bytes) -> bytes:
    """Change 1 to 8 bytes among the first 4,096, where the structure is told."""
    for place in rng.integers(0, min(len(content), 4096), rng.integers(1, 9)):
        content[place] ^= int(rng.integers(1, 256))
    return bytes(content)


def cut(content: bytearray, rng: np.random.Generator, other: bytes) -> bytes:
    """Keep the beginning only."""
    return bytes(content[: int(rng.integers(1, len(content)))])


def cut_out(content: bytearray, rng: np.random.Generator, other: bytes) -> bytes:
    """Leave out a piece of the middle."""
    start, stop = sorted(int(place) for place in rng.integers(0, len(content), 2))
    return bytes(content[:start] + content[stop:])


def splice(content: bytearray, rng: np.random.Generator, other: bytes) -> bytes:
    """Overwrite a piece with one of another file."""
    length = int(rng.integers(1, 2049))
    source, target = int(rng.integers(0, len(other))), int(rng.integers(0, len(content)))
    piece = other[source : source + length]
    return bytes(content[:target] + piece + content[target + len(piece) :])


CHANGES: tuple[Change, ...] = (flip, flip_early, cut, cut_out, splice)


def mutated(files: list[Path], n: int, folder: Path) -> list[Path]:
    """Write damaged copies, each in a folder of its own under its old name."""
    rng = np.random.default_rng(2021)
    contents = [path.read_bytes() for path in files]
    written = []
    for number in range(n):
        original = number % len(files)
        change = CHANGES[int(rng.integers(len(CHANGES)))]
        other = contents[int(rng.integers(len(files)))]
        place = folder / f"{number}-{change.__name__}"
        place.mkdir(parents=True)
        written.append(place / files[original].name)
        written[-1].write_bytes(change(bytearray(contents[original]), rng, other))
    return written


def is_same(one: Dataset, two: Dataset) -> bool:
    """Whether two datasets have the same cells, genes, values and labels."""
    if not (one.cells.equals(two.cells) and one.genes.equals(two.genes)):
        return False
    values = one.stored_matrix() != two.stored_matrix()
    return values.nnz == 0 and one.obs.astype(str).equals(two.obs.astype(str))


def ending(run: jobs.Run, original: Dataset) -> str:
    """Tell how a run ended in a word."""
    if run.error is not None:
        return run.error["code"]
    if "question" in run.summary:
        return "read, with a question"
    dataset = load_dataset(run.summary["dataset"])
    if {f.code for f in dataset.findings} - {f.code for f in original.findings}:
        return "read, with a finding"
    if is_same(dataset, original):
        return "read, unharmed: the same cells, values and labels"
    return "read, changed without a finding: a number or a name is another one"


def opened(path: Path) -> Dataset:
    """Open a valid file as somebody who says yes to every suggestion."""
    answers: dict[str, str] = {}
    while True:
        try:
            return open_dataset(path, choices=answers)
        except ChoiceNeeded as asked:
            answers[asked.code] = next(iter(asked.options))


def main(arguments: list[str]) -> None:
    """Print the count of every ending."""
    n = int(arguments[0]) if arguments else 1000
    with tempfile.TemporaryDirectory() as name:
        os.environ |= {"NEEDLE_HOME": f"{name}/home", "NEEDLE_WATCH": "0"}
        files = write_valid_files(Path(name) / "valid")
        originals = {path.name: opened(path) for path in files}
        damaged = mutated(files, n, Path(name) / "damaged")
        endings: dict[str, Counter] = {path.name: Counter() for path in files}
        incidents = []
        for path in damaged:
            run_id = jobs.start("read", {"path": str(path), "name": path.stem}, title=path.name)
            run = jobs.wait(run_id, 600)
            endings[path.name][ending(run, originals[path.name])] += 1
            text = log_file(run.id).read_text(errors="replace") if log_file(run.id).exists() else ""
            if "incident" in text:
                incidents.append((path, text.strip().splitlines()[-1]))
        show(endings, incidents)


def show(endings: dict[str, Counter], incidents: list[tuple[Path, str]]) -> None:
    """Print the totals, then each file's."""
    total = sum(endings.values(), Counter())
    print(f"{total.total()} damaged files; incidents (tracebacks): {len(incidents)}")
    for ending_, number in total.most_common():
        print(f"  {number:>5} {ending_}")
    for name, counts in endings.items():
        print(f"  {name}: " + ", ".join(f"{n} {code}" for code, n in counts.most_common()))
    for path, line in incidents[:20]:
        print(f"  {path.parent.name}/{path.name}: {line}")


if __name__ == "__main__":
    main(sys.argv[1:])
