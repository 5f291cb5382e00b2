"""The layout: packages that can be looked through, names that mean one thing."""

import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# An entry of a catalogue is a file, and its name is the key that specs and commands use.
CATALOGUES = (
    "acgkd/methods",
    "acgkd/models",
    "acgkd/datasets",
    "sweeps/spaces",
    "sweeps/trackers",
    "analysis/reports",
    "sweeps/cli/commands",
)
# The two modalities have the same parts.
TWINS = {
    "acgkd/graphs": "a modality",
    "acgkd/images": "a modality",
    "acgkd/synthesis/graphs": "a synthesis",
    "acgkd/synthesis/images": "a synthesis",
}

PACKAGES = [
    path.parent
    for top in ("acgkd", "sweeps", "analysis")
    for path in sorted((ROOT / top).rglob("__init__.py"))
    if "__pycache__" not in path.parts
]


def modules(package: Path) -> list[str]:
    return [path.stem for path in sorted(package.glob("*.py")) if not path.stem.startswith("__")]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_package_has_at_most_fifteen_modules(package: Path) -> None:
    names = modules(package)
    if package.relative_to(ROOT).as_posix() in CATALOGUES:
        names = [name for name in names if name.startswith("_")]
    assert len(names) <= 15, names


def test_a_package_of_more_than_eight_parts_declares_their_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    declared = {
        place
        for contract in contracts
        if contract["type"] == "layers" and contract.get("exhaustive")
        for place in contract.get("containers", ())
    }
    large = set()
    for package in PACKAGES:
        parts = len(modules(package)) + sum(other.parent == package for other in PACKAGES)
        place = package.relative_to(ROOT).as_posix()
        if parts > 8 and place not in CATALOGUES:
            large.add(place.replace("/", "."))
    assert large - declared == set(), "`tool.importlinter` in pyproject.toml"


def test_no_two_modules_of_one_name_mean_different_things() -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for package in PACKAGES:
        place = package.relative_to(ROOT).as_posix()
        if place in CATALOGUES:
            continue
        for name in modules(package):
            places[name.lstrip("_")].add(TWINS.get(place, place))
    shared = {name: where for name, where in places.items() if len(where) > 1}
    # What a run keeps to look at is made by `acgkd.run` and read by `analysis.records`; what a modality is stands in
    # `acgkd.modality`, and the two that there are in their packages.
    assert set(shared) <= {"pseudo_samples", "modality"}, shared


def test_every_package_says_what_it_is() -> None:
    for package in PACKAGES:
        first = (package / "__init__.py").read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith('"""'), package
