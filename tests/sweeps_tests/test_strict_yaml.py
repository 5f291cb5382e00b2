"""YAML that means what it says."""

import math
import tracemalloc

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from acgkd.errors import SpecError
from sweeps.spec.strict_yaml import DEPTH_LIMIT, SIZE_LIMIT, parse, parse_value, read


def value(text):
    document = parse(text, "spec.yaml")
    assert document.faults == []
    return document.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001),
        ("1E+3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-2", -2),
        ("+2", 2),
        ("0", 0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("on", "on"),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("'1_000'", "1_000"),
        ("a_1", "a_1"),
        ("0x10", "0x10"),
        ("0o7", "0o7"),
        ("2024-01-01", "2024-01-01"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("1,5", "1,5"),
        ("<<", "<<"),
    ],
)
def test_every_scalar_has_one_reading(text, expected):
    found = value(f"a: {text}\n")["a"]
    assert found == expected
    assert type(found) is type(expected)


@settings(max_examples=50)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_comes_back(number):
    assert value(f"a: {number!r}")["a"] == number


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
        max_leaves=8,
    ),
    st.booleans(),
)
def test_what_pyyaml_writes_comes_back(tree, flow):
    assert value(yaml.safe_dump({"a": tree}, default_flow_style=flow)) == {"a": tree}


def test_lines_are_those_of_the_keys():
    lines = parse("a: 1\nb:\n  c: 2\n  d: [3,\n      4]\n", "spec.yaml").lines
    assert lines["a"] == 1
    assert lines["b"] == 2
    assert lines["b/c"] == 3
    assert lines["b/d"] == 4
    assert lines["b/d/1"] == 5


@pytest.mark.parametrize(
    ("text", "line", "fragment"),
    [
        ("a: &x 1\nb: *x\n", 1, "Anchors are not allowed"),
        ("a: 1\nb: *x\n", 2, "Aliases are not allowed"),
        ("a: &x\n  b: *x\n", 1, "Anchors are not allowed"),
        ("a: !!python/object/apply:os.system [true]\n", 1, "Tags are not allowed"),
        ("a:\n\tb: 1\n", 2, "no tab"),
        ("a: {b: 1,\t\tc: @}", 1, "no tab"),
        ("a: 1\nb: @x\n", 2, "This is not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("a: b: c\n", 1, "second `:`"),
        ("a: 1\nb\n", 2, "without its `:`"),
        ("a: [1\n", 1, "ends too early"),
        ("a: '1\n", 1, "ends too early"),
        ("a: \x07\n", 1, "control character"),
        ("a: " + "[" * (DEPTH_LIMIT + 1), 1, f"{DEPTH_LIMIT} levels"),
    ],
)
def test_what_is_more_than_plain_yaml_is_refused_with_its_line(text, line, fragment):
    with pytest.raises(SpecError) as caught:
        parse(text, "spec.yaml")
    (fault,) = caught.value.faults
    assert fragment in fault.message
    assert fault.line == line


def test_what_does_not_stop_the_reader_is_reported_together():
    document = parse("a: 1\na: 2\nb: 010\nc: .inf\nd: 1e999\ne: 1234567890123456789\n[1]: 2\n'': 3\n", "spec.yaml")
    reported = {(fault.line, fault.path) for fault in document.faults}
    assert reported == {(2, "a"), (3, "b"), (4, "c"), (5, "d"), (6, "e"), (7, ""), (8, "")}
    assert document.value["a"] == 1
    assert all(not isinstance(item, float) or math.isfinite(item) for item in document.value.values())


def test_a_key_that_looks_like_a_value_is_still_a_key():
    assert value("1: a\ntrue: b\non: c\n") == {"1": "a", "true": "b", "on": "c"}


def test_nothing_is_read_from_a_large_file(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    tracemalloc.start()
    try:
        with pytest.raises(SpecError, match=r"64 KiB, but this file holds 100\.0 MiB"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_the_largest_text_is_read():
    text = "a: [" + "1," * ((SIZE_LIMIT - 10) // 2) + "]"
    assert len(value(text)["a"]) > 30_000


@pytest.mark.parametrize(
    ("raw", "fragment"),
    [
        (b"a: \xff\n", "text in UTF-8"),
        ("a: 1\n".encode("utf-16"), "UTF-16"),
        (b"a: 1\0\n", "zero bytes"),
        (b"\x80\x02}q\x00.", "text in UTF-8"),
    ],
)
def test_binary_files_are_refused(tmp_path, raw, fragment):
    path = tmp_path / "spec.yaml"
    path.write_bytes(raw)
    with pytest.raises(SpecError, match=fragment):
        read(path)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read(path)[1].value == {"a": 1, "b": 2}


def test_values_of_set_follow_the_same_rules():
    assert parse_value("1e-3", "--set") == 0.001
    assert parse_value("[0, 1]", "--set") == [0, 1]
    assert parse_value("yes", "--set") == "yes"
    with pytest.raises(SpecError, match="finite"):
        parse_value(".nan", "--set")
