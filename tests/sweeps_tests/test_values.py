"""Values as they are written."""

import math
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.spec.values import Steps, is_on_step, number, on_step, plain, plain_word, same, show


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**31, "2147483648"),
        (1e9, "1000000000"),
        (2.0, "2"),
        (0.3, "0.3"),
        (1e-5, "1e-5"),
        (1.5e300, "1.5e300"),
        (-0.1234567891, "-0.1234567891"),
        (None, "null"),
        (True, "true"),
        ("null", "'null'"),
        ("a", "'a'"),
    ],
)
def test_values_are_shown_as_people_write_them(value, text):
    assert show(value) == text
    if isinstance(value, float):
        assert float(number(value)) == value


def test_words_stand_without_quotes_where_they_can_only_be_text():
    assert [plain_word(word) for word in ("gaussian_kl", "null", "12", "1e-3", "gin-3-32")] == [
        "gaussian_kl", "'null'", "'12'", "'1e-3'", "gin-3-32",
    ]  # fmt: skip


def test_a_boolean_is_no_number():
    assert not same(True, 1)
    assert not same(0, False)
    assert same(4, 4.0)
    assert same(None, None)
    assert not same(None, "null")


@settings(max_examples=200)
@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(0, 6), st.integers(0, 10**7))
def test_every_step_is_the_decimal_of_low_and_step(low, step, places, count):
    scale = 10**places
    first, width = low / scale, step / scale
    exact = Fraction(low + count * step, scale)
    binary = first + count * width
    assert on_step(binary, first, width) == float(exact)
    assert is_on_step(binary, first, width)
    assert not is_on_step(binary + width / 2, first, width)
    steps = Steps(first, float(Fraction(low + 10**7 * step, scale)), width)
    assert len(steps) == 10**7 + 1
    assert steps[count] == float(exact)
    assert steps.near(binary) == float(exact)


def test_steps_are_counted_and_not_kept():
    steps = Steps(0.0, 1.0, 1e-9)
    assert len(steps) == 10**9 + 1
    assert steps[300_000_000] == 0.3
    assert steps[-1] == 1.0
    assert 0.3 in steps
    assert 0.1 + 0.2 not in Steps(0.1, 0.5, 0.1)
    assert list(Steps(0.1, 0.5, 0.1)) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert steps[1:3] == [1e-9, 2e-9]
    with pytest.raises(IndexError):
        steps[10**10]


def test_more_steps_than_the_machine_can_index_have_a_last_one():
    steps = Steps(0.0, 1.7e308, 1e-300)
    assert steps[-1] == 1.7e308
    assert steps.size > 10**600
    assert len(steps) == sys.maxsize


def test_python_values_become_plain_ones(tmp_path):
    value, faults = plain(
        {
            "a": (1, np.int64(2), np.float32(0.5), np.bool_(True)),
            "b": np.arange(3),
            "c": tmp_path,
            "d": {"e": None},
        }
    )
    assert value == {"a": [1, 2, 0.5, True], "b": [0, 1, 2], "c": str(tmp_path), "d": {"e": None}}
    assert faults == []
    assert [type(item) for item in value["a"]] == [int, int, float, bool]


@pytest.mark.parametrize(
    ("value", "path", "fragment"),
    [
        ({"a": {"b": math.nan}}, "a/b", "finite"),
        ({"a": [1, np.float64(math.inf)]}, "a/1", "finite"),
        ({"a": 10**18}, "a", "at most 18 digits"),
        ({"a": 10**5000}, "a", "at most 18 digits"),
        ({"a": {1, 2}}, "a", "Give a list"),
        ({"a": object()}, "a", "but got object"),
        ({"a": b"text"}, "a", "but got bytes"),
        ({"a": "b\x1b[31m"}, "a", "`\\x1b` is a control character"),
        ({"a": Path("b\0c")}, "a", "`\\x00` is a control character"),
        ({"a": ["\ud800"]}, "a/0", "`\\ud800` is half a character"),
        ({"a": {"b\n": 1}}, "a", "A key must be a word. Text must be printable"),
        ({"a": -math.inf}, "a", "but got -.inf."),
        ({3: 1}, "", "A key must be a word, but got 3"),
        ({"a": {None: 1}}, "a", "A key must be a word"),
    ],
)
def test_what_no_file_could_say_is_a_fault(value, path, fragment):
    _, (fault,) = plain(value)
    assert fault.path == path
    assert fragment in fault.message


def test_a_list_in_itself_ends():
    loop: list[object] = []
    loop.append(loop)
    _, (fault,) = plain({"a": loop})
    assert "levels deep" in fault.message
