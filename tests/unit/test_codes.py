"""Every code that a file can bring is explained, and none is that it cannot."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = r"[EWFC]-[A-Z0-9]+(?:-[A-Z0-9]+)*"
READING = (
    "core/data/**/*.py",
    "core/query_findings.py",
    "core/transfer/findings.py",
    "core/jobs/reading*.py",
    "core/jobs/roots.py",
    "core/jobs/causes.py",
    "core/jobs/worker.py",
)
# Of runs, models and the library's other functions; or no longer used, and left out of old files.
NOT_OF_FILES = re.compile(
    "E-(BUG|DATABASE|DATASET-UNKNOWN|GENE-UNKNOWN|PARAMETER|R(ARE|UN)-.*|WORKER-.*)|W-NO-LABELS"
    "|W-GENE-UNKNOWN|F-EXPRESSION-FROM"
)


def used() -> set[str]:
    texts = (path.read_text("utf-8") for glob in READING for path in ROOT.glob(glob))
    codes = {code for text in texts for code in re.findall(f'"({CODE})"', text)}
    return {code for code in codes if not NOT_OF_FILES.fullmatch(code)} - {"C-LABEL"}


def explained() -> set[str]:
    return set(re.findall(f"`({CODE})`", (ROOT / "CODES.md").read_text("utf-8")))


def test_every_code_of_a_file_is_explained():
    assert used() - explained() == set()


def test_no_code_is_explained_that_does_not_exist():
    assert explained() - used() == set()
