"""Lists of numbers as people write them, and the sentences that refuse the others."""

import re

import pytest

from core.errors import ParameterError
from core.search.ranges import parse_numbers, write_numbers


def read(text, **options):
    limits = {"name": "Number of markers", "least": 2, "most": 2000, "whole": True} | options
    return parse_numbers(text, **limits)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5, 10, 20", (5, 10, 20)),
        ("5 10  20", (5, 10, 20)),
        ("5;10;20;", (5, 10, 20)),
        ("5\n10\n20", (5, 10, 20)),
        ("5, 10 and 20", (5, 10, 20)),
        ("20,10,5,10", (5, 10, 20)),
        ("5.0, 1e1", (5, 10)),
        ("5-20 step 5", (5, 10, 15, 20)),
        ("5 – 20 step 5", (5, 10, 15, 20)),
        ("5 to 20 by 5", (5, 10, 15, 20)),
        ("5..20 in steps of 5", (5, 10, 15, 20)),
        ("20-5, step 5", (5, 10, 15, 20)),
        ("5-22 step 5", (5, 10, 15, 20)),
        ("5-8", (5, 6, 7, 8)),
        ("5-8, 100", (5, 6, 7, 8, 100)),
        ("10 to 80 times 2", (10, 20, 40, 80)),
        ("", ()),
        (" , ", ()),
    ],
)
def test_a_list_is_read_in_whatever_way_it_is_written(text, numbers):
    assert read(text) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0.25, .5, 1", (0.25, 0.5, 1.0)),
        ("0,25; 0,5; 1", (0.25, 0.5, 1.0)),
        ("0.1-0.5 step 0.1", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("0.01 to 100 times 10", (0.01, 0.1, 1.0, 10.0, 100.0)),
        ("1e-3 to 1e-1 x 10", (0.001, 0.01, 0.1)),
    ],
)
def test_fractions_are_read_and_steps_reach_the_end_exactly(text, numbers):
    assert read(text, least=1e-6, most=1e6, whole=False) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0,5", (0.5,)), ("0,25 0,5 1", (0.25, 0.5, 1)), ("0,05,0,5,1", (0.05, 0.5, 1)),
     ("0.5,1", (0.5, 1)), ("0,1-0,3 step 0,1", (0.1, 0.2, 0.3))],
)  # fmt: skip
def test_a_comma_behind_a_0_that_cannot_be_meant_is_a_decimal_comma(text, numbers):
    assert read(text, name="Target ratio", least=0.05, most=1, whole=False) == numbers


@pytest.mark.parametrize(
    ("least", "most", "examples"),
    [(0.05, 1, ("0.25, 0.5, 1", "0.1-0.5 step 0.1")),
     (1e-6, 1e6, ("0.1, 1, 10", "0.01 to 100 times 10"))],
)  # fmt: skip
def test_what_is_refused_is_told_examples_that_would_be_read(least, most, examples):
    options = {"least": least, "most": most, "whole": False}
    with pytest.raises(ParameterError) as caught:
        read("much", **options)
    for example in examples:
        assert f"`{example}`" in caught.value.next_step
        assert read(example, **options)


@pytest.mark.parametrize("word", ["auto", "Automatic", "default"])
def test_automatic_stands_first_where_it_is_allowed(word):
    assert read(f"5, {word}, 3", automatic=True) == (None, 3, 5)
    with pytest.raises(ParameterError, match=f"{word!r} is no number"):
        read(f"5, {word}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5, ten", "'ten' is no number"),
        ("5, -3", "'-3' is no number"),
        ("5.5", "it takes whole numbers, and got 5.5"),
        ("1, 5", "it takes numbers from 2 to 2,000, and got 1$"),
        ("5, 2001", "it takes numbers from 2 to 2,000, and got 2,001"),
        ("1e999", "'1e999' is no number"),
        ("1e999-1e999 step 1", "never ends"),
        ("3 to 4 step 1e-30", "is more than 50 numbers"),
        ("3 to 3000 times 1.0000001", "is more than 50 numbers"),
        ("5-500", "'5-500' has no step"),
        ("5-50 step 0", "'5-50 step 0' never ends"),
        ("5-50 times 1", "'5-50 times 1' never ends"),
        ("2-2000 step 1", "'2-2000 step 1' is more than 50 numbers"),
        (", ".join(map(str, range(2, 60))), "58 numbers are too many, 50 are the most"),
    ],
)
def test_a_bad_list_is_refused_by_name_with_what_is_wrong(text, why):
    with pytest.raises(ParameterError) as caught:
        read(text)
    assert caught.value.code == "E-SEARCH-RANGE"
    assert caught.value.message.startswith("`Number of markers` could not be read: ")
    assert re.search(why, caught.value.message.rstrip("."))
    assert "5-50 step 5" in caught.value.next_step


def test_a_range_of_fractions_needs_a_step():
    with pytest.raises(ParameterError, match="has no step"):
        read("0.1 - 0.5", least=0, most=1, whole=False)


@pytest.mark.parametrize("numbers", [(5, 10, 20), (None, 3, 5), (1e-6, 0.25, 1000000.0), ()])
def test_what_is_written_is_read_again(numbers):
    text = write_numbers(numbers)
    assert parse_numbers(text, name="x", least=0, most=1e7, automatic=True) == numbers
