"""Pseudo-samples as a report shows them: what is read, where it stands, how graphs are laid out."""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread

from analysis.figures.canvas import BLUE, MUTED, SERIES, Picture, picture
from analysis.figures.graph_layout import APART, layout
from analysis.figures.sample_grid import Grid, kinds_of, paint_samples, placed
from analysis.page.render import Block, Note
from analysis.records.frame import load
from analysis.records.pseudo_samples import MOST_CLASSES, PseudoSamples, of, read
from analysis.reports._samples import samples
from analysis.statistics.view import view_of


def drawn(content: PseudoSamples, kinds: Sequence[int] = ()) -> Picture:
    return picture("name", "title", "caption", paint_samples(content, kinds))


def images(label: list[int], classes: int, side: tuple[int, int, int] = (8, 8, 1), **changes: Any) -> dict[str, Any]:
    pixels = np.random.default_rng(0).integers(0, 256, (len(label), *side), dtype=np.uint8)
    found = np.bincount(label, minlength=classes) * 3
    return {
        "format": np.array(1), "modality": np.array("images"), "drawn": np.array(found.sum()), "found": found,
        "label": np.array(label), "confidence": np.linspace(0, 1, len(label)),
        "pixels": pixels, "outside": np.full(len(label), 0.25), **changes,
    }  # fmt: skip


def graphs(**changes: Any) -> dict[str, Any]:
    """A path of three, a lone node, one too large to be drawn, and a triangle."""
    common = {name: value for name, value in images([0, 0, 1, 1], 3).items() if name not in ("pixels", "outside")}
    return {
        **common, "modality": np.array("graphs"), "features": np.array("categorical"),
        "nodes": np.array([3, 1, 900, 3]), "edges": np.array([2, 0, 5000, 3]),
        "shown": np.array([True, True, False, True]), "feature": np.array([0, 4, 0, 2, 4, 4, 4]),
        "ends": np.array([[0, 1, 0, 0, 1], [1, 2, 1, 2, 2]]), **changes,
    }  # fmt: skip


# ---- what is read


def test_what_was_written_is_read(tmp_path: Path) -> None:
    for arrays in (images([0, 0, 2], 3), graphs()):
        np.savez_compressed(tmp_path / "s.npz", **arrays)
        found = read(tmp_path / "s.npz")
        assert found is not None
        assert found.absent == ""
        assert found.label.tolist() == arrays["label"].tolist()
        assert all(np.array_equal(value, arrays[name]) for name, value in found.arrays.items())
    assert read(tmp_path / "other.npz") is None


def test_a_reason_is_read_whatever_else_is_there() -> None:
    assert of({"absent": np.array("Because.")}).absent == "Because."


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x93NUMPY\x01", b"words"])
def test_a_file_that_is_none_says_so(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "s.npz").write_bytes(content)
    found = read(tmp_path / "s.npz")
    assert found is not None
    assert "cannot be read" in found.absent


def test_a_torn_file_and_one_with_code_in_it_say_so(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.savez_compressed(whole, **images([0, 0, 2], 3))
    (tmp_path / "torn.npz").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    np.savez(tmp_path / "code.npz", label=np.array([{"a": 1}], dtype=object))
    for name in ("torn.npz", "code.npz"):
        found = read(tmp_path / name)
        assert found is not None
        assert "cannot be read" in found.absent


BROKEN: dict[str, dict[str, Any]] = {
    "a later version": images([0, 1], 2, format=np.array(2)),
    "no modality": {name: value for name, value in images([0, 1], 2).items() if name != "modality"},
    "an unknown modality": images([0, 1], 2, modality=np.array("sounds")),
    "a class too many": images([0, 2], 2, found=np.array([1, 1])),
    "a class out of order": images([1, 0], 2),
    "no sample": images([], 2),
    "pixels of a float": images([0, 1], 2, pixels=np.zeros((2, 8, 8, 1))),
    "fewer pixels": images([0, 1], 2, pixels=np.zeros((1, 8, 8, 1), dtype=np.uint8)),
    "an end beyond its graph": graphs(ends=np.array([[0, 1, 0, 0, 1], [1, 3, 1, 2, 2]])),
    "fewer ends": graphs(ends=np.zeros((2, 3), dtype=np.int64)),
    "fewer features": graphs(feature=np.zeros(3, dtype=np.int64)),
    "text for a number": images([0, 1], 2, drawn=np.array("many")),
}


@pytest.mark.parametrize("arrays", BROKEN.values(), ids=BROKEN)
def test_arrays_that_break_a_law_say_so(arrays: dict[str, Any]) -> None:
    found = of(arrays)
    assert found.absent
    assert found.modality == ""


# ---- where it stands


@given(st.integers(1, MOST_CLASSES), st.integers(1, 10), st.sampled_from([(88, 88), (60, 90), (190, 190)]))
def test_no_sample_lies_on_another_and_all_are_in_the_picture(
    classes: int, columns: int, side: tuple[int, int]
) -> None:
    grid = Grid(classes, columns, *side)
    corners = [grid.corner(number, place) for number in range(classes) for place in range(columns)]
    assert all(0 <= x <= grid.size[0] - side[0] and 0 <= y <= grid.size[1] - side[1] for x, y in corners)
    cells = {(x // (side[0] + 1), y // (side[1] + 1)) for x, y in corners}
    assert len(set(corners)) == len(corners)
    assert len(cells) == len(corners)


def test_images_are_shown_pixel_by_pixel() -> None:
    content = of(images([0, 0, 2], 3))
    shown = (imread(io.BytesIO(drawn(content).png), format="png")[..., 0] * 255).round()
    whole = Grid(3, 2, 88, 88)
    scale = shown.shape[1] / whole.size[0]
    for number, label, place in placed(content):
        left, top = whole.corner(label, place)
        for row, column in ((0, 0), (3, 5), (7, 7)):
            x, y = left + (column + 0.5) * 11, top + (row + 0.5) * 11 + 8
            value = content.arrays["pixels"][number, row, column, 0]
            assert shown[int(y * scale), int(x * scale)] == pytest.approx(value, abs=1)


def test_a_picture_says_classes_confidences_and_what_is_missing() -> None:
    for arrays in (images([0, 0, 2], 3), images([0, 1, 1], 3, side=(4, 6, 3)), graphs()):
        content = of(arrays)
        shown = drawn(content, kinds_of([content]))
        assert re.findall(r">class (\d)<", shown.svg) == ["0", "1", "2"]
        assert shown.svg.count(f">among {content.drawn}<") == 1
        assert shown == drawn(content, kinds_of([content]))
    assert ">0.33 · 1 nodes, 0 edges<" in shown.svg
    assert shown.svg.count(">too large<") == 1


def test_the_most_frequent_features_have_the_same_colours_in_all_pictures() -> None:
    many = graphs(feature=np.array([8, 8, 7, 6, 5, 3, 1]))
    assert kinds_of([of(graphs())]) == [0, 2, 4]
    assert kinds_of([of(many), of(graphs())]) == [0, 1, 2, 4, 8]
    assert kinds_of([of(graphs(features=np.array("degree"))), of(images([0, 1], 2)), PseudoSamples(absent="x")]) == []
    coloured = drawn(of(graphs()), [2, 4])
    assert all(colour in coloured.svg for colour in (SERIES[0], SERIES[1], MUTED))
    alike = drawn(of(graphs()))
    assert BLUE in alike.svg
    assert SERIES[1] not in alike.svg


# ---- how graphs are laid out


def lengths(nodes: int, ends: Any) -> tuple[np.ndarray, np.ndarray]:
    """Distances of all pairs on paper, and which of them are edges."""
    places = layout(nodes, np.array(ends).reshape(2, -1))
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    joined = np.zeros((nodes, nodes), dtype=bool)
    joined[tuple(np.array(ends).reshape(2, -1))] = True
    return apart, joined | joined.T


@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
@settings(deadline=None, max_examples=30)
def test_any_graph_is_laid_out_the_same_twice_without_two_nodes_in_one_place(
    drawn: tuple[int, list[tuple[int, int]]],
) -> None:
    nodes, pairs = drawn
    ends = np.array([pair for pair in pairs if pair[0] != pair[1]], dtype=np.int64).reshape(-1, 2).T
    places = layout(nodes, ends)
    assert places.shape == (nodes, 2)
    assert np.array_equal(places, layout(nodes, ends))
    assert places.min() >= -1e-9
    apart, _ = lengths(nodes, ends)
    assert apart[~np.eye(nodes, dtype=bool)].min(initial=1) > 0.05


def test_a_path_a_ring_and_a_star_look_like_it() -> None:
    path, joined = lengths(5, [[0, 1, 2, 3], [1, 2, 3, 4]])
    assert path[0, 4] == pytest.approx(4, rel=0.02)
    ring, joined = lengths(8, [range(8), [*range(1, 8), 0]])
    assert np.ptp(ring[joined]) < 0.01 * ring[joined].mean()
    assert ring[~joined & ~np.eye(8, dtype=bool)].min() > 1.5 * ring[joined].max()
    star, joined = lengths(9, [[0] * 8, range(1, 9)])
    assert np.ptp(star[joined]) < 0.1 * star[joined].mean()


def test_parts_that_no_edge_joins_stand_apart() -> None:
    first, second = [[0, 1, 2], [1, 2, 0]], [[3, 4, 5, 6], [4, 5, 6, 3]]
    apart, _ = lengths(10, np.concatenate([first, second], axis=1))
    part = np.array([0] * 3 + [1] * 4 + [2, 3, 4])
    assert apart[part[:, None] != part[None]].min() >= APART - 1e-6


# ---- in a report


def blocks_of(folder: Path) -> list[Block]:
    return samples(view_of(load([folder])))


def test_a_report_shows_the_chosen_trial_and_the_controls_that_kept_samples(
    made_up: ModuleType, tmp_path: Path
) -> None:
    folder = made_up.plausible(tmp_path / "sweep", trials=3)
    assert blocks_of(folder) == []
    (folder / "samples").mkdir()
    for number in range(3):
        np.savez_compressed(folder / "samples" / f"trial-{number:04d}-00.npz", **graphs(drawn=np.array(50 + number)))
    (folder / "samples" / "control-random_graphs-00.npz").write_bytes(b"torn")
    np.savez(folder / "samples" / "control-real_data-00.npz", absent=np.array("It is taught with real data."))
    explained, picture, *others = blocks_of(folder)
    assert isinstance(explained, Note)
    assert "No sample here is real" in explained.text
    assert isinstance(picture, Picture)
    (chosen,) = re.findall(r"Pseudo-graphs of trial (\d)$", picture.title)
    assert f"among 5{chosen} drawn. None of them is of class 2." in picture.caption
    assert sorted(block.text for block in others if isinstance(block, Note)) == [
        "`random_graphs` has no pseudo-samples. Their file cannot be read: torn, or something else.",
        "`real_data` has no pseudo-samples. It is taught with real data.",
    ]
