"""Tables of trials from elsewhere as a frame: a CSV export, a Parquet table, or an Optuna study by its storage URL."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from acgkd.errors import MissingFolderError, RecordError
from analysis.formatting import known
from analysis.records.frame import COLUMNS, Frame, Row, frame_of_rows
from analysis.records.record import OUTCOMES

NAMES = {
    "accuracy": "test_accuracy",
    "test_accuracy": "test_accuracy",
    "validation_accuracy": "validation_accuracy",
    "validation_divergence": "validation_divergence",
    "teacher_accuracy": "teacher_test_accuracy",
    "majority_accuracy": "majority_accuracy",
    "method": "method",
    "label": "label",
    "dataset": "dataset",
    "teacher": "teacher",
    "student": "student",
    "seed": "seed",
    "setting": "setting",
    "outcome": "outcome",
    "seconds": "seconds",
    "multiply_adds": "multiply_adds",
    "vary": "vary",
    "train_size": "train_size",
    "test_size": "test_size",
}
"""What `--columns` may name, and the column of the frame that it becomes."""
_DATABASES = {"sqlite", "mysql", "mariadb", "postgresql", "oracle", "mssql", "redis"}
_NEEDED = ("accuracy", "method")
_NUMBERS = {name for name, kind in COLUMNS.items() if kind in ("float64", "Int64")} | {"seconds"}
_COMPLETED = {"completed", "complete", "finished", "done", "success", "succeeded"}


@dataclass(frozen=True)
class Mapped:
    """Where the columns of a table from elsewhere are.

    Args:
        columns: the table's column by our name.
        constants: a value for all rows by our name.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Mapped":
        """From ``accuracy=test_acc,dataset:mutag``: a column of the table, or a value for all rows.

        Raises:
            RecordError: a part is neither, or names something that is not known.
        """
        columns: dict[str, str] = {}
        constants: dict[str, str] = {}
        for part in (part.strip() for text in texts for part in text.split(",") if part.strip()):
            at = next((index for index, letter in enumerate(part) if letter in "=:"), 0)
            name, value = part[:at].strip(), part[at + 1 :].strip()
            if not name or not value:
                raise RecordError(
                    f"`--columns` takes `name=COLUMN` or `name:VALUE`, with commas between, but got '{part}'."
                )
            if name not in NAMES:
                raise RecordError(f"`--columns` maps {', '.join(NAMES)}, but got '{name}'.")
            (columns if part[at] == "=" else constants)[name] = value
        return cls(columns, constants)


def is_elsewhere(place: str) -> bool:
    """Whether a place is a table from elsewhere: a storage URL, a CSV file, or Parquet that is no packed records."""
    if is_study(place) or place.lower().endswith((".csv", ".tsv")):
        return True
    path = Path(place)
    if path.suffix != ".parquet" or not path.is_file():
        return False
    import pyarrow.parquet as parquet

    try:
        return not {"sweep", "file", "json"} <= set(parquet.read_schema(path).names)
    except Exception:  # what is no Parquet at all is refused where packed records are read
        return False


def is_study(place: str) -> bool:
    """Whether a place is the storage of Optuna studies, not the address of a folder on an object store."""
    scheme, separator, _ = place.partition("://")
    return bool(separator) and scheme.partition("+")[0].lower() in _DATABASES


def read_table(place: str, mapped: Mapped) -> Frame:
    """The frame of a table from elsewhere.

    Raises:
        MissingFolderError: there is no such file.
        RecordError: it cannot be read, or columns are missing; the message says which, and how to name them.
    """
    tables = _studies(place) if is_study(place) else {Path(place).stem: _file(Path(place))}
    rows: list[Row] = []
    for source, table in tables.items():
        rows.extend(_rows(source, table, mapped, place))
    return frame_of_rows(rows)


def _file(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise MissingFolderError(f"A table of trials is a file, but there is none at {path}.")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",")
    except Exception as error:
        reason = " ".join(str(error).split())
        raise RecordError(f"{path} must hold a table of trials, but cannot be read: {reason}.") from None


def _studies(url: str) -> dict[str, pd.DataFrame]:
    """All studies of a storage, one row a trial: number, state, values, parameters and attributes of the user."""
    import optuna

    try:
        storage = optuna.storages.get_storage(url)
        names = optuna.study.get_all_study_names(storage)
        studies = {name: optuna.load_study(study_name=name, storage=storage) for name in names}
        found = {name: study.trials_dataframe() for name, study in studies.items()}
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise RecordError(f"{url} must be the storage of an Optuna study, but cannot be opened: {reason}.") from None
    if not found:
        raise RecordError(f"The storage {url} must hold a study, but holds none.")
    return found


def _rows(source: str, table: pd.DataFrame, mapped: Mapped, place: str) -> list[Row]:
    have = {name: mapped.columns.get(name, name) for name in NAMES}
    wrong = [f"{name}={column}" for name, column in mapped.columns.items() if column not in table.columns]
    missing = [name for name in _NEEDED if have[name] not in table.columns and name not in mapped.constants]
    if "test_accuracy" in table.columns and "accuracy" not in mapped.columns:
        missing = [name for name in missing if name != "accuracy"]
        have["accuracy"] = "test_accuracy"
    if wrong or missing:
        lacks = f"it does not have {', '.join(wrong)}" if wrong else f"it has no column for {', '.join(missing)}"
        example = ",".join(f"{name}=COLUMN" for name in missing) or "accuracy=COLUMN"
        raise RecordError(
            f"{place} must have a column of each quantity that is compared, but {lacks}. Say where they are: "
            f"`--columns {example}` (`name:VALUE` for one value in all rows). Its columns: "
            f"{', '.join(map(str, table.columns[:40]))}."
        )
    values = {
        name: [mapped.constants[name]] * len(table) if name in mapped.constants else table[column].tolist()
        for name, column in have.items()
        if name in mapped.constants or column in table.columns
    }
    own = next((name for name in table.columns if str(name).lower() == "state"), None)
    state = values.get("outcome", ["completed"] * len(table) if own is None else table[own].tolist())
    made = [_row(source, index, {name: column[index] for name, column in values.items()}, str(state[index]))
            for index in range(len(table)) if _outcome(state[index]) != "under way"]  # fmt: skip
    return _numbered(made, source, place)


def _row(source: str, index: int, cells: Mapping[str, object], state: str) -> Row:
    row: Row = {"source": source, "file": f"#{index}", "sweep": source, "kind": "control", "device": "", "vary": ""}
    for name, cell in cells.items():
        column = NAMES[name]
        if not known(cell) or name in ("outcome", "setting"):
            continue
        row[column] = _number(cell, column) if column in _NUMBERS else str(cell)
    if "method" not in row:
        raise RecordError(f"Every row of a table names its method, but row {index + 1} of {source} does not.")
    outcome = _outcome(state)
    row["outcome"] = "failed" if outcome == "completed" and not known(row.get("test_accuracy")) else outcome
    row.setdefault("seed", 0)
    setting = cells.get("setting")
    label = str(row.get("label") or row.get("method"))
    row["label"] = f"{label} ({setting})" if known(setting) else label
    row["transfer_s"] = row.pop("seconds", None)
    return row


def _outcome(state: object) -> str:
    """A run's state in our words; one that has not ended is `under way`."""
    word = str(state).rpartition(".")[2].strip().lower()
    if word in ("running", "waiting", "pending", "queued"):
        return "under way"
    return "completed" if word in _COMPLETED else word if word in OUTCOMES else "failed"


def _number(cell: object, column: str) -> float | int:
    try:
        value = float(str(cell))
    except ValueError:
        raise RecordError(f"`{column}` must be a number in every row, but one row has '{cell}'.") from None
    return int(value) if COLUMNS.get(column) == "Int64" and math.isfinite(value) else value


def _numbered(rows: Sequence[Row], source: str, place: str) -> list[Row]:
    """Rows with the number of their seed as replicate; two rows of one setting and seed are refused."""
    seeds = sorted({int(str(row["seed"])) for row in rows})
    taken: set[tuple[object, ...]] = set()
    for row in rows:
        key = (row["label"], row.get("dataset"), row.get("teacher"), row.get("student"), row["seed"])
        if key in taken:
            raise RecordError(
                f"A row is one seed of one setting, but {place} has several of {row['label']} on "
                f"{row.get('dataset') or 'one data set'} with seed {row['seed']}. Name the column that tells them "
                "apart: `--columns seed=COLUMN` or `--columns setting=COLUMN`."
            )
        taken.add(key)
        row["replicate"] = seeds.index(int(str(row["seed"])))
        # A source is one data set and pair, as a sweep is.
        row["source"] = "/".join(
            [source, *(str(row[name]) for name in ("dataset", "teacher", "student") if row.get(name))]
        )
        row.setdefault("student", None)
        row.setdefault("teacher", None)
    return list(rows)
