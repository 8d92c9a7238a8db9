"""The task that reads: what it keeps of an upload, and which answers it takes."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from core.data import load_dataset
from core.errors import DataError
from core.jobs import reading
from core.jobs.uploads import keep_upload
from tests.files import counts

LABELS = ["unknown", "Unknown", "T cell", "B cell", "NK cell"] * 8
MERGE, EMPTY = {"W-LABEL-VARIANTS": "merge"}, {"W-LABELS-MISSING": "no-label"}


class Reporter:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events = []

    def progress(self, *_: object) -> None:
        pass

    def event(self, *event: object) -> None:
        self.events.append(event)


@pytest.fixture
def config(fresh_home):
    table = pd.DataFrame(counts(), index=[f"cell{i}" for i in range(40)])
    table.columns = [f"G{i}" for i in range(24)]
    table["cell_type"] = LABELS
    return keep_upload([("cells.csv", io.BytesIO(table.to_csv().encode()))]) | {
        "role": "reference",
        "name": "cells",
    }


def read(config, **choices):
    answers = {code.replace("_", "-"): answer for code, answer in choices.items()}
    return reading.read(config | {"choices": answers}, Reporter(), Path())


@pytest.mark.parametrize("answers", [MERGE | EMPTY, EMPTY | MERGE], ids=["merge-first", "last"])
def test_an_answer_that_settles_another_question_is_no_error(config, answers):
    summary = reading.read(config | {"choices": answers}, Reporter(), Path())
    sizes = load_dataset(summary["dataset"]).type_sizes("cell_type").to_dict()
    assert sizes == {"T cell": 8, "B cell": 8, "NK cell": 8}


@pytest.mark.parametrize("answer", [{"C-ORIENTATION": "cells-in-rows"}, {"W-MOUSE": "unheard of"}])
def test_an_answer_that_does_not_fit_is_left_out_and_the_upload_stays(config, answer):
    summary = reading.read(config | {"choices": answer}, Reporter(), Path())
    assert summary["n_cells"] == 40
    assert Path(config["path"]).exists()  # its offers may still be taken up


def test_an_upload_that_is_gone_is_refused_in_plain_words(config):
    Path(config["path"]).unlink()
    with pytest.raises(DataError, match="This file is not kept here any more") as refused:
        read(config)
    assert refused.value.code == "E-FILE-MISSING"
    assert refused.value.next_step == "Load it again."
    assert config["path"] not in str(refused.value)


def test_a_file_that_is_refused_after_an_answer_stays_for_another_answer(fresh_home):
    config = keep_upload([("cells.csv", io.BytesIO(b"cell,a,b\nc1,x,2\nc2,3,4\n"))])
    with pytest.raises(DataError):
        reading.read(config | {"choices": {"C-FORMAT": "text"}}, Reporter(), Path())
    assert Path(config["path"]).exists()
    with pytest.raises(DataError):
        reading.read(config, Reporter(), Path())
    assert not Path(config["path"]).exists()
