"""Pages that follow from the code say what the code says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_what_the_code_says(generate: ModuleType) -> None:
    assert len(generate.PAGES) >= 3
    for name, page in generate.PAGES.items():
        written = (DOCS / name).read_text(encoding="utf-8")
        assert written == page(), f"{name}: run `python docs/generate.py`"


def test_every_package_has_its_layers(generate: ModuleType) -> None:
    text = generate.layers_page()
    for package in ("`acgkd`", "`sweeps`", "`analysis`", "`sweeps.engine`", "`sweeps.spec`"):
        assert f"## {package}" in text


def test_no_container_has_more_than_ten_layers(generate: ModuleType) -> None:
    layered = [contract for contract in generate.contracts() if contract["type"] == "layers"]
    assert len(layered) >= 8
    for contract in layered:
        assert len(contract["layers"]) <= 10, contract["name"]
