"""Names from a file reach the browser as they were typed; methods are named as they are said."""

from __future__ import annotations

import json
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest

from core.plots import map_by_type, marker_violins
from core.text import SAMPLER_LABELS, method_label, safe_text

# What plotly.js takes for a place to fill in: its TEMPLATE_STRING_REGEX.
TEMPLATE = re.compile(r"%{([^\s%{}:]*)([:|][^}]*)?}")
AWKWARD = ["%{customdata}", "%{x}", "100 %{y:.2f} of %{z|%H}", "%%{x}", "<b>%{x}</b>", "&#37;{x}"]


def texts(value):
    """All strings in a figure's JSON, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


@pytest.mark.parametrize("name", [*AWKWARD, "100 %", "{x}", "5 % {x}"])
def test_a_name_is_typed_again_when_the_browser_turns_its_signs_back(name):
    drawn = safe_text(name)
    assert TEMPLATE.search(drawn) is None
    assert "<" not in drawn
    assert unescape(drawn) == name


def test_a_name_is_cut_before_its_signs_are_replaced():
    assert safe_text("%{x}" * 10, longest=5) == "&#37;{x}…"


@pytest.mark.parametrize("name", AWKWARD)
def test_a_type_that_looks_like_a_template_stays_as_typed_in_legend_and_hover(name):
    figure = map_by_type(np.eye(3)[:, :2], [name, name, "beta"], rare=name)
    drawn = json.loads(figure.to_json())
    for trace in drawn["data"]:
        found = [text for key in ("name", "hovertext") for text in texts(trace.get(key))]
        assert not [text for text in found if TEMPLATE.search(text)]
    legends = [unescape(trace.get("name") or "") for trace in drawn["data"]]
    assert any(name in legend for legend in legends)


@pytest.mark.parametrize("name", AWKWARD)
def test_a_gene_that_looks_like_a_template_stays_as_typed_above_its_violins(name):
    values = pd.DataFrame({name: np.arange(8.0)})
    figure = marker_violins(values, np.repeat(["a", "b"], 4), order=["a", "b"])
    titles = [note["text"] for note in json.loads(figure.to_json())["layout"]["annotations"]]
    assert not [title for title in titles if TEMPLATE.search(title)]
    assert f"<i>{name}</i>" in [unescape(title) for title in titles]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("none+knn", "knn alone"),
        ("weights+lr", "class weights + lr"),
        ("random+lr", "random copies + lr"),
        ("smote+lr", "SMOTE + lr"),
        ("borderline1+lr", "Borderline-SMOTE 1 + lr"),
        ("borderline2+lr", "Borderline-SMOTE 2 + lr"),
        ("svmsmote+lr", "SVM-SMOTE + lr"),
        ("adasyn+lr", "ADASYN + lr"),
        ("loras+lr", "LoRAS + lr"),
        ("loras-pca+lr", "LoRAS (PCA) + lr"),
        ("loras-tsne+lr", "LoRAS (t-SNE) + lr"),
        ("prowras+lr", "ProWRAS + lr"),
        ("mine+lr", "mine + lr"),
    ],
)
def test_a_method_is_named_by_its_sampler_in_short_and_its_classifier(name, label):
    assert method_label(name) == label


def test_no_two_samplers_are_called_the_same():
    for labels in zip(*SAMPLER_LABELS.values(), strict=True):
        assert len(set(labels)) == len(SAMPLER_LABELS) == 12
