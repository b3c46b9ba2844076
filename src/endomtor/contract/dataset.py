"""A data directory, checked whole and loaded."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from endomtor.contract import remarks, rules
from endomtor.contract.problems import Problem, counted, error, listed, nearest, warning
from endomtor.contract.reading import CONTROL, Sheet, parse, read_table, table_of
from endomtor.contract.tables import DATASET_KEYS, DESIGN_KEYS, LINEAGES, MATRICES, TABLES, Column, Key, Table
from endomtor.errors import ContractError, EndomtorError
from endomtor.files import refuse_special, sha256_of
from endomtor.genes import outdated
from endomtor.provenance import KINDS, Provenance

if TYPE_CHECKING:
    import anndata

    from endomtor.cells import StoredCells


@dataclass(frozen=True)
class Confounding:
    """Two groups of a table that a sex or a batch cannot be told from.

    Attributes
    ----------
    groups : tuple[str, str]
        (treated, reference).
    reason : str
        Part of a sentence, for the page.
    """

    table: str
    groups: tuple[str, str]
    reason: str


@dataclass(frozen=True)
class Dataset:
    """A data directory that obeys the contract.

    Attributes
    ----------
    design : dict
        `[design]` of dataset.toml, possibly empty.
    tables : dict[str, pandas.DataFrame or anndata.AnnData or endomtor.cells.StoredCells]
        Columns as in the contract, one row a row of the file, exclusions left out, rows with an empty `value` dropped.
        Numbers are float64 (int64 for integers), NaN where a cell was empty; text is str, "" where a cell was empty.
        A blank optional column is absent. `hspc_counts` has genes as its index and samples as columns (int64), in the
        order of `hspc_samples`; `bmec_cells` is an AnnData, or `StoredCells` where its counts are too many for
        memory, its `obs` as in the contract. Older gene symbols that `endomtor.genes` knows are today's in both.
        Lineages that add to less than 98 have the rest in `other_pct`; `exposed_animal` of `survival` is filled in
        from `serial_transplants`.
    excluded : pandas.DataFrame
        Columns table, animal, reason, rows: each line of exclusions.csv with the number of rows (cells) it took.
    missing : pandas.DataFrame
        Columns table, animal, column, rows: empty cells of required columns, which count as exclusions.
    licence : str
        "" when not stated.
    """

    provenance: Provenance
    design: dict
    tables: dict
    excluded: pd.DataFrame
    missing: pd.DataFrame
    warnings: list[Problem]
    confounding: list[Confounding]
    licence: str = ""

    def get(self, name: str) -> pd.DataFrame | anndata.AnnData | StoredCells | None:
        """Return a table, or None if the directory does not hold it."""
        return self.tables.get(name)

    def withheld(self, table: str, *groups: str) -> str:
        """Say why a comparison among `groups` of a table has no verdict; "" if it may have one.

        A comparison is withheld when any contrast among its groups is completely confounded with sex or batch. For phi
        name all its groups: `ds.withheld("ecko_blood", "ecko", "control", "aged", "young")`.
        """
        return "; ".join(
            one.reason for one in self.confounding if one.table == table and set(one.groups) <= set(groups)
        )

    def design_rows(self) -> list[tuple[str, str]]:
        """Return each key of `[design]` with its value as text, "not stated" where it is absent or blank."""
        return [(key.words, _design_text(self.design.get(key.name))) for key in DESIGN_KEYS]

    def design_tells(self, chapter: str) -> list[str]:
        """Return what the keys of `[design]` mean for the verdicts of a chapter, each beside its value."""
        text = dict(self.design_rows())
        return [f"{key.words} ({text[key.words]}): {key.tells}" for key in DESIGN_KEYS if chapter in key.chapters]

    def describe(self, names: Collection[str]) -> list[str]:
        """Return sentences on some tables for a page: units in each group, what was left out, warnings."""
        lines = []
        for name in names:
            if name in self.tables and TABLES[name].group:
                lines.append(self._units(name))
        for table, animal, reason, rows in self.excluded.itertuples(index=False):
            if table in names:
                lines.append(f"{table}: {animal} left out ({reason}), {counted(rows, 'row')}.")
        empty = self.missing.groupby(["table", "column"], sort=False)
        for (table, column), part in empty:
            if table in names:
                cells, units = counted(part["rows"].sum(), "empty cell"), counted(len(part), TABLES[table].unit)
                lines.append(f"{table}: {cells} in {column} left out ({units.replace('_', ' ')}).")
        told = {*names, *(TABLES[name].verified_by for name in names)}
        for problem in self.warnings:
            table = table_of(problem.file)[0]
            if table and table.name in told:
                lines.append(str(problem))
        return lines

    def _units(self, name: str) -> str:
        table = TABLES[name]
        frame = self.tables[name]
        frame = getattr(frame, "obs", frame)
        by, unit = table.arms, rules.units(table, frame)
        # Mice of one group in two experiments are two groups.
        experiments = frame.groupby("experiment") if "experiment" in frame else [("", frame)]
        sizes = []
        for experiment, rows in experiments:
            # In the contract's order: young before aged, the reference before the treated.
            counts = []
            for levels in product(*(table.column(column).levels for column in by)):
                own = unit[rows.index[(rows[by] == list(levels)).all(axis=1)]]
                n = own[own != ""].nunique()
                counts += [f"{' '.join(levels)} {n}"] if n else []
            sizes.append(f"n{f' in {experiment}' * bool(experiment)}: {', '.join(counts) or 'not known'}")
        named = " or ".join(dict.fromkeys([table.unit, *["exposed_animal"] * ("exposed_animal" in frame)]))
        return f"{name}: unit {named.replace('_', ' ')}; {'; '.join(sizes)}."


def _design_text(value: object) -> str:
    if value is None or value == "":
        return "not stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"{value[0]:g} to {value[1]:g}"
    return value


def provenance_of(path: Path | str) -> Provenance:
    """Return the provenance of a data directory without looking into its tables.

    Raises
    ------
    ContractError
        `dataset.toml` breaks the contract.
    EndomtorError
        The folder does not exist.
    """
    folder = _folder(path)
    digests: dict[str, str] = {}
    about, problems = _read_about(folder, digests)
    if problems:
        raise ContractError(problems)
    for file in _inside(folder):
        if table_of(file.name)[0] is not None:
            digests[file.name] = sha256_of(file)
    return _provenance(about, digests)


def load(path: Path | str, *, kinds: Collection[str] | None = None) -> Dataset:
    """Load a data directory.

    Parameters
    ----------
    kinds : collection of {"measured", "public", "simulated"}, optional
        Refuse any other provenance.

    Raises
    ------
    ContractError
        Lists every fault that was found.
    EndomtorError
        The folder does not exist.
    """
    dataset, problems = _read(_folder(path), kinds)
    if dataset is None:
        raise ContractError([problem for problem in problems if problem.severity == "error"])
    return dataset


def examine(path: Path | str) -> tuple[Dataset | None, list[Problem]]:
    """Return a data directory, None if it has faults, with what `check` returns: both at the cost of one.

    `EndomtorError`: the folder does not exist.
    """
    return _read(_folder(path), None)


def check(path: Path | str) -> list[Problem]:
    """Return every fault and remark on a data directory, in file and row order; faults of the data never raise.

    `EndomtorError`: the folder does not exist.
    """
    return examine(path)[1]


def from_tables(about: dict, tables: Mapping[str, pd.DataFrame | anndata.AnnData]) -> Dataset:
    """Return the data set that a directory of these tables would load as, without files.

    For tables that are drawn in thousands and are known to obey the contract: rules that can only find faults are not
    run, nor those that look for samples and columns that were mixed up (`remarks`). Exclusions, missing values, other
    warnings and confounding are those of `load`; values are not rounded as in a file, and the provenance has no sha256.

    Parameters
    ----------
    about : dict
        The keys of `dataset.toml`.
    tables : mapping of str to DataFrame or AnnData
        By name, as they would be written: numbers as numbers, "" or NaN in an empty cell, `exclusions` among them.
        They are not changed.
    """
    sheets = {name: _sheet(table, tables[name]) for name, table in TABLES.items() if name in tables}
    return _assembled(about, {}, sheets, [])[0]


def _sheet(table: Table, content: pd.DataFrame | anndata.AnnData) -> Sheet:
    """Return a table in memory as it is when its cells were parsed."""
    cells = None if isinstance(content, pd.DataFrame) else content.copy()
    frame = content if cells is None else cells.obs
    arrays = {name: values.to_numpy() for name, values in frame.items()}
    if not table.sheet:
        columns = (column for column in table.columns if column.name in arrays)
        arrays = {column.name: _parsed(table, column, arrays[column.name]) for column in columns}
        arrays = {name: values for name, values in arrays.items() if values is not None}
    parsed = pd.DataFrame(arrays, index=range(2, len(frame) + 2))
    return Sheet(table, table.file, parsed, parsed, cells)


def _parsed(table: Table, column: Column, values: np.ndarray) -> np.ndarray | None:
    """Return the cells of one column by their kind; None for a blank optional column, which is an absent one."""
    if column.kind in ("number", "integer"):
        values = values.astype(float)
        blank = np.isnan(values)
    else:
        values = values.astype(object)
        blank = (values == "") | pd.isna(values) if not column.required or column.kind == "flag" else np.array(False)
    if not column.required and blank.all():
        return None
    if column.kind == "flag":
        # Thousands of cells hold two words.
        codes, words = pd.factorize(np.where(blank, "", values))
        raw = pd.DataFrame({column.name: words.astype(str)})
        return parse(replace(table, columns=(column,)), table.file, raw)[0].frame[column.name].to_numpy()[codes]
    return values


def _folder(path: Path | str) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        found = "a file" if folder.is_file() else "nothing"
        raise EndomtorError(f"{folder}: expected a folder that holds dataset.toml and tables, found {found}.")
    return folder


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as fault:
        raise EndomtorError(f"{folder}: expected a folder that can be read ({fault.strerror}).") from fault


def _read(folder: Path, kinds: Collection[str] | None) -> tuple[Dataset | None, list[Problem]]:
    digests: dict[str, str] = {}
    about, problems = _read_about(folder, digests)
    if kinds is not None and about.get("provenance") in set(KINDS) - set(kinds):
        problems.append(error("dataset.toml", f"{listed(kinds)} here", column="provenance", value=about["provenance"]))
    sheets, found = _read_sheets(folder, digests)
    problems += found
    for sheet in sheets.values():
        problems += rules.cell_problems(sheet)
        problems += rules.row_problems(sheet)
    kind = about.get("provenance")
    problems += rules.table_problems(sheets, kind if kind in KINDS else None)

    wrong = {problem.file for problem in problems if problem.severity == "error"}
    sound = {name: sheet for name, sheet in sheets.items() if sheet.file not in wrong}
    return _assembled(about, digests, sound, problems, sheets if wrong else None, files=True)


def _assembled(
    about: dict,
    digests: dict[str, str],
    sheets: dict[str, Sheet],
    problems: list[Problem],
    faulty: dict[str, Sheet] | None = None,
    *,
    files: bool = False,
) -> tuple[Dataset | None, list[Problem]]:
    """Return the data set that sound sheets make, and the problems with what is to remark on them.

    `faulty` holds every sheet, sound or not, where some are at fault; then there is no data set. `files` says that the
    sheets were read from files, so that what they hold may be mixed up.
    """
    _exposed_animals(sheets)
    excluded, idle = _exclude(sheets, complete=faulty is None)
    problems += idle
    problems += rules.expressed_sex(sheets)
    missing = _count_missing(sheets)
    problems += _drop_empty(sheets)
    for sheet in sheets.values():
        sheet.frame = _typed(sheet)
    confounding = []
    for name, sheet in sheets.items():
        problems += rules.content_warnings(sheet)
        for problem, pair in _design_remarks(sheet):
            problems.append(problem)
            if pair:
                confounding.append(Confounding(name, pair, f"{problem.column}: {problem.value}"))
    if files:
        problems += remarks.file_remarks(sheets)
    problems += rules.directory_warnings(faulty or sheets)
    problems.sort(key=lambda problem: (problem.file, problem.row or 0, problem.column or ""))
    if faulty is not None:
        return None, problems

    return (
        Dataset(
            provenance=_provenance(about, digests),
            design=about.get("design", {}),
            tables=_tables(sheets),
            excluded=excluded,
            missing=missing,
            warnings=[problem for problem in problems if problem.severity == "warning"],
            confounding=confounding,
            licence=about.get("licence", ""),
        ),
        problems,
    )


def _design_remarks(sheet: Sheet) -> tuple[tuple[Problem, tuple[str, str] | None], ...]:
    table = sheet.table
    # All that the rules on a design look at; cohorts of one design share it, and so what is to remark on it.
    wanted = (table.unit, table.group, table.stratum, "experiment", "exposed_animal", "sex", "batch")
    columns = [name for name in dict.fromkeys(wanted) if name in sheet.frame.columns]
    rows = dict.fromkeys(zip(*(sheet.frame[name].tolist() for name in columns), strict=True))
    return _design_remarks_on(table.name, sheet.file, tuple(columns), tuple(rows))


@lru_cache(maxsize=256)
def _design_remarks_on(name: str, file: str, columns: tuple[str, ...], rows: tuple[tuple, ...]):
    frame = pd.DataFrame(rows, columns=columns)
    return tuple(rules.design_warnings(Sheet(TABLES[name], file, frame, frame)))


def _provenance(about: dict, digests: dict[str, str]) -> Provenance:
    lines = "".join(f"{digest}  {file}\n" for file, digest in sorted(digests.items()))
    return Provenance(
        kind=about["provenance"],
        title=about["title"],
        source=about["source"],
        sha256=hashlib.sha256(lines.encode()).hexdigest(),
        world=about.get("world"),
        seed=about.get("seed"),
        example=about.get("example", False),
    )


# --- dataset.toml ----------------------------------------------------------------------------------------------------


def _read_about(folder: Path, digests: dict[str, str]) -> tuple[dict, list[Problem]]:
    file = "dataset.toml"
    try:
        refuse_special(folder / file)
        content = (folder / file).read_bytes()
        about = tomllib.loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        return {}, [error(file, "this file, with title, provenance and source", value="no such file")]
    except OSError as fault:
        return {}, [error(file, f"a file that can be read ({fault.strerror})")]
    except UnicodeDecodeError:
        return {}, [error(file, "text in UTF-8")]
    # tomllib recurses into nested brackets.
    except (ValueError, RecursionError) as fault:
        return {}, [error(file, f"valid TOML ({' '.join(str(fault).split())[:120]})")]
    digests[file] = hashlib.sha256(content).hexdigest()

    problems = _key_problems(file, "", about, DATASET_KEYS)
    if isinstance(about.get("design"), dict):
        problems += _key_problems(file, "design.", about["design"], DESIGN_KEYS)
    problems += [
        error(file, "this key", column=key.name) for key in DATASET_KEYS if key.required and key.name not in about
    ]
    kind = about.get("provenance")
    if isinstance(kind, str) and kind not in KINDS:
        near = nearest(kind, KINDS)
        problems.append(error(file, listed(KINDS), column="provenance", value=kind or '""', suggestion=near))
    for name in ("world", "seed"):
        if kind == "simulated" and name not in about:
            problems.append(error(file, "this key, since the data are simulated", column=name))
        elif kind in ("measured", "public") and name in about:
            problems.append(error(file, f"this key in simulated data only, not in {kind} ones", column=name))
    return about, problems


_KINDS_OF_VALUE = {
    "text": ("text on one line", lambda value: isinstance(value, str) and not CONTROL.search(value)),
    "integer": (
        "an integer of at least 0",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    ),
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "table": ("a section [design]", lambda value: isinstance(value, dict)),
    "weeks": (
        "two ages in weeks, [from, to]",
        lambda value: (
            isinstance(value, list)
            and len(value) == 2
            and all(isinstance(age, int | float) and not isinstance(age, bool) and age > 0 for age in value)
            and value[0] <= value[1]
        ),
    ),
}


def _key_problems(file: str, prefix: str, found: dict, keys: tuple[Key, ...]) -> list[Problem]:
    known = {key.name: key for key in keys}
    problems = []
    for name, value in found.items():
        if name not in known:
            near = nearest(name, set(known) - set(found))
            problems.append(
                error(file, f"one of {', '.join(known)}", column=prefix + name, value=name, suggestion=near)
            )
            continue
        expected, fits = _KINDS_OF_VALUE[known[name].kind]
        if not fits(value):
            problems.append(error(file, expected, column=prefix + name, value=str(value)))
        # In [design] an empty text says "not stated".
        elif value == "" and not prefix:
            problems.append(error(file, "text that is not empty", column=name, value='""'))
    return problems


# --- files -----------------------------------------------------------------------------------------------------------


def _read_sheets(folder: Path, digests: dict[str, str]) -> tuple[dict[str, Sheet], list[Problem]]:
    problems: list[Problem] = []
    files: dict[str, list[Path]] = {}
    for path in _inside(folder):
        table, expected = table_of(path.name)
        if expected is not None:
            near = nearest(path.name, [one.file for one in TABLES.values()])
            near = near if expected.startswith("the name") else None
            problems.append(error(path.name, expected, value=path.name, suggestion=near))
        elif table is not None:
            files.setdefault(table.name, []).append(path)
    sheets = {}
    for name, table in TABLES.items():
        paths = files.get(name, [])
        if len(paths) > 1:
            both = listed([path.name for path in paths], "and")
            problems.append(error(paths[0].name, "a table in one format only", value=both))
        elif paths:
            sheet, found, digest = read_table(paths[0], table)
            problems += found
            digests[paths[0].name] = digest
            if sheet is not None:
                sheets[name] = sheet
    if not set(files) - {"exclusions"}:
        problems.append(error("dataset.toml", "at least one table of the contract beside it", value="no table"))
    for pair in MATRICES.items():
        for one, other in (pair, pair[::-1]):
            if one in files and other not in files:
                expected = f"{TABLES[other].file} beside it"
                problems.append(error(files[one][0].name, expected, value="one of the two only"))
    return sheets, problems


# --- from sheets to tables -------------------------------------------------------------------------------------------


def _count_missing(sheets: dict[str, Sheet]) -> pd.DataFrame:
    parts = []
    for name, sheet in sheets.items():
        for column in sheet.table.columns:
            if not column.required or not column.empty or column.name == "batch":
                continue
            empty = _missing(sheet.frame[column.name])
            if empty.any():
                counts = Counter(sheet.frame.loc[empty, sheet.table.unit].dropna())
                parts += [(name, animal, column.name, rows) for animal, rows in sorted(counts.items())]
    return pd.DataFrame(parts, columns=["table", "animal", "column", "rows"])


def _exposed_animals(sheets: dict[str, Sheet]) -> None:
    """Fill in the exposed animals of recipients in `survival` from `serial_transplants`, where they are blank."""
    if not {"survival", "serial_transplants"} <= set(sheets):
        return
    grafts = sheets["serial_transplants"].frame.drop_duplicates("recipient").set_index("recipient")["exposed_animal"]
    frame = sheets["survival"].frame
    known = frame["animal"].map(grafts).where(frame["experiment"] == "transplant")
    if "exposed_animal" in frame:
        known = frame["exposed_animal"].where(frame["exposed_animal"] != "").fillna(known)
    if known.notna().any():
        sheets["survival"].frame = frame.assign(exposed_animal=known)


def _exclude(sheets: dict[str, Sheet], *, complete: bool) -> tuple[pd.DataFrame, list[Problem]]:
    """Take excluded animals out of the sheets; `complete` is False when some table could not be read."""
    lines, problems = [], []
    listing = sheets.pop("exclusions", None)
    if listing is not None:
        for row, name, animal, reason in listing.frame[["table", "animal", "reason"]].itertuples(name=None):
            target = MATRICES.get(name, name)
            taken = 0
            if target in sheets:
                sheet = sheets[target]
                hit = sheet.frame.reindex(columns=sheet.table.animals).eq(animal).any(axis=1)
                taken = int(hit.sum())
                sheet.frame, sheet.raw = sheet.frame[~hit], sheet.raw[~hit]
                if sheet.cells is not None and taken:
                    sheet.cells = sheet.cells[~hit.to_numpy()].copy()
            if complete and not taken:
                expected = "an animal of this table, the line leaves nothing out"
                if target not in sheets:
                    expected = f"{TABLES[target].file} in the directory, the line leaves nothing out"
                problems.append(warning(listing.file, expected, row=row, column="animal", value=animal))
            lines.append((name, animal, reason, taken))
    return pd.DataFrame(lines, columns=["table", "animal", "reason", "rows"]), problems


def _drop_empty(sheets: dict[str, Sheet]) -> list[Problem]:
    """Drop tables of which nothing is left: a section without its table says so."""
    problems = []
    for name, sheet in list(sheets.items()):
        if sheet.frame.empty or ("value" in sheet.frame.columns and _missing(sheet.frame["value"]).all()):
            problems.append(warning(sheet.file, "at least one row that is not left out", value="nothing left"))
            del sheets[name]
            for counts in [one for one, listing in MATRICES.items() if listing == name]:
                sheets.pop(counts, None)
    return problems


def _typed(sheet: Sheet) -> pd.DataFrame:
    """Return the parsed cells with their final types."""
    frame = sheet.frame.copy()
    columns = [column for column in sheet.table.columns if column.name in frame.columns]
    for column in columns:
        if column.kind in ("number", "flag"):
            continue
        missing = _missing(frame[column.name]).any()
        if column.kind == "integer" and not missing:
            frame[column.name] = frame[column.name].astype("int64")
        elif column.kind != "integer" and missing:
            frame[column.name] = frame[column.name].fillna("")
    return frame


def _missing(column: pd.Series) -> np.ndarray:
    # A third of the time that the column's own method takes, for some sixty columns of each cohort.
    return pd.isna(column.to_numpy())


def _with_other(frame: pd.DataFrame) -> pd.DataFrame:
    """Return lineages in which what is missing to 100 per cent (beyond rounding) is counted as other cells."""
    rest = rules.lineage_rest(frame)
    if not (rest > 0).any():
        return frame
    other = frame["other_pct"] if "other_pct" in frame.columns else pd.Series(np.nan, index=frame.index)
    return frame.assign(other_pct=other.where(rest == 0, other.fillna(0.0) + rest))


def _tables(sheets: dict[str, Sheet]) -> dict:
    tables = {}
    for name, sheet in sheets.items():
        frame = sheet.frame
        if sheet.cells is not None:
            cells = sheet.cells
            for column in frame.columns:
                cells.obs[column] = frame[column].to_numpy()
            names = outdated(cells.var_names)
            cells.var_names = pd.Index([names.get(gene, gene) for gene in cells.var_names])
            tables[name] = cells
            continue
        if "value" in frame.columns and _missing(frame["value"]).any():
            frame = frame.dropna(subset="value")
        if set(LINEAGES) <= set(frame.columns):
            frame = _with_other(frame)
        tables[name] = frame.reset_index(drop=True)
    for name, listing in MATRICES.items():
        if name in tables:
            counts = tables[name].set_index("gene")
            counts = counts.rename(index=outdated(counts.index))
            tables[name] = counts[list(tables[listing]["sample"])]
    return tables
