"""README's example is the road in ten lines, and it runs."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

import core

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def example():
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    return code


def test_the_example_has_ten_lines():
    assert len([line for line in example().splitlines() if line]) == 10


def test_the_example_finds_the_demo_s_rare_cells(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example(), names)
    printed = capsys.readouterr().out
    assert "loras+knn" in printed
    calls = pd.read_csv(tmp_path / "calls.csv")
    truth = core.demo_query().obs["bulk_labels"].to_numpy() == "CD34+"
    assert np.array_equal((calls["call"] == "CD34+").to_numpy(), truth)
    again = core.load_model(tmp_path / "cd34.skops").score(core.demo_query())
    assert np.array_equal(again, names["model"].score(core.demo_query()))


def test_every_picture_of_readme_is_there():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) >= 5
    assert all((Path(__file__).resolve().parents[2] / name).is_file() for name in pictures)
