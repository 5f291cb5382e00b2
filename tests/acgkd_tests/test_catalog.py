import sys
from pathlib import Path

import pytest

from acgkd.catalog import Catalog
from acgkd.errors import UnknownNameError


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog[str]:
    """A package of three entries and two files that are none; one entry cannot be imported."""
    package = tmp_path / "catalog_shelf"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_hidden.py").write_text("THING = 'hidden'\n")
    (package / "notes.txt").write_text("no module")
    (package / "banana.py").write_text("THING = 'a banana'\n")
    (package / "apple.py").write_text("THING = 'an apple'\n")
    (package / "broken.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("catalog_shelf")]:
        monkeypatch.delitem(sys.modules, name)
    return Catalog("catalog_shelf", "THING", "fruit")


def test_listing_is_sorted_leaves_private_files_out_and_imports_nothing(shelf: Catalog[str]) -> None:
    assert shelf.names() == list(shelf) == ["apple", "banana", "broken"]
    assert "apple" in shelf
    assert "_hidden" not in shelf
    assert not any(name.startswith("catalog_shelf.") for name in sys.modules)


def test_loading_imports_one_file(shelf: Catalog[str]) -> None:
    assert shelf["banana"] == "a banana"
    assert "catalog_shelf.apple" not in sys.modules


def test_an_unknown_name_is_reported_with_the_nearest_and_all(shelf: Catalog[str]) -> None:
    with pytest.raises(UnknownNameError) as caught:
        shelf["bananna"]
    assert str(caught.value) == ("No fruit is called 'bananna'. Did you mean 'banana'? Known: apple, banana, broken.")
    with pytest.raises(LookupError, match=r"'_hidden'"):
        shelf["_hidden"]


def test_a_new_file_is_a_new_entry(shelf: Catalog[str], tmp_path: Path) -> None:
    (tmp_path / "catalog_shelf" / "cherry.py").write_text("THING = 'a cherry'\n")
    assert shelf["cherry"] == "a cherry"


def test_an_error_inside_an_entry_is_not_hidden(shelf: Catalog[str]) -> None:
    with pytest.raises(RuntimeError, match="imported"):
        shelf["broken"]


@pytest.mark.parametrize("package", ["no_such_package_at_all", "acgkd.errors"])
def test_a_package_that_is_none_is_reported(package: str) -> None:
    with pytest.raises(UnknownNameError, match="There is no package"):
        Catalog(package, "X", "x").names()
