"""`endomtor init`: empty tables to fill in, or a small example of every table."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from endomtor import files, worlds
from endomtor.contract import CHAPTERS, DATASET_KEYS, DESIGN_KEYS, TABLES, table_markdown
from endomtor.contract.problems import listed, nearest
from endomtor.contract.tables import SIMULATED_PREFIX, Key
from endomtor.errors import EndomtorError

EXAMPLE_PREFIX = "example-"

# The example is one draw from a world, made small: every chapter has an answer, and it is written in two seconds.
_WORLD, _SEED = "paper", 4
_SMALL = {
    "signaling_animals": 6,
    "blood_animals": 6,
    "marrow_animals": 6,
    "cells_animals": 5,
    "cells_per_animal": 20,
    "rapamycin_animals": 5,
    "rapamycin_days": [0, 14, 28],
    "dilution_donors": 4,
    "competitive_donors": 6,
    "competitive_weeks": [8, 16],
    "transplant_exposed": 6,
    "transplant_pools": 3,
    "transplant_passages": 2,
    "transplant_weeks": [8, 16],
    "transcriptome_animals": 4,
    "bmec_animals": 4,
    "bmec_cells_per_animal": 30,
    "challenge_animals": 8,
}

_EXAMPLE_ABOUT = """\
title = "Example data"
provenance = "measured"
source = "invented to show the format; no animal was measured"
licence = "CC-BY-4.0"
# Every page and verdict says so. Leave this line out in data of your own.
example = true

[design]
strain = "C57BL/6J"
control = "Cre-negative littermates"
young_weeks = [10, 14]
aged_weeks = [88, 104]
dose = "not stated: invented"
route = "not stated: invented"
randomised = true
blinded = true
"""

_HEAD = """\
# Tables for the book

Fill in the tables that you have and delete the others; then, in this order:

    endomtor check DIR
    endomtor build --data DIR

`dataset.toml` says whose data these are.
A table may also be an Excel workbook of the same name (`ecko_blood.xlsx`) with one sheet, but not both.
One row is one measurement, the header stays as it is, and numbers have a decimal point.
An empty cell is missing data, and is allowed only where the tables below say so.
A column that is not required may be left empty or out.
The unit, what is counted as n, is named with each table.
The lines that begin with `#` are an example, invented.
"""


def init(folder: Path | str, chapters: Iterable[str] = (), *, example: bool = False) -> list[Path]:
    """Write a new data directory: templates, or the example.

    `EndomtorError`: the folder holds anything or cannot be written; a chapter is unknown or has no tables.

    Parameters
    ----------
    folder : path-like
        A folder that does not exist yet, or is empty.
    chapters : iterable of str
        `03` or `03_ecko_phenotypes`; only their tables are written. All if empty.
    example : bool
        Fill the tables with a small invented data set, `example = true`, with a `bmec_cells.h5ad`.

    Returns
    -------
    list[Path]
        What was written, sorted.
    """
    folder = Path(folder)
    names = _tables_of(chapters)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            found = "a folder that is not empty" if folder.is_dir() else "a file"
            raise EndomtorError(f"{folder}: found {found}, expected a new or an empty folder: nothing is overwritten.")
        filled = _example(names)
        if folder.is_dir():
            # The folder itself stays, since it may be where the shell stands.
            with tempfile.TemporaryDirectory(dir=folder, prefix=".init-") as beside:
                _fill(Path(beside), names, filled, example=example)
                for path in sorted(Path(beside).iterdir()):
                    os.replace(path, folder / path.name)
        else:
            with files.replacing(folder) as new:
                _fill(new, names, filled, example=example)
    except OSError as fault:
        raise EndomtorError(f"{folder}: expected a place that can be written ({fault.strerror or fault}).") from fault
    return sorted(folder.iterdir())


def _fill(folder: Path, names: list[str], filled: dict, *, example: bool) -> None:
    files.write_text(folder / "README.md", _readme(names, filled))
    files.write_text(folder / "dataset.toml", _EXAMPLE_ABOUT if example else _about())
    for name in names:
        if example and len(filled[name]):
            _write(folder / TABLES[name].file, filled[name])
        elif not example and TABLES[name].suffix == ".csv":
            files.write_text(folder / f"{name}.csv", ",".join(column.name for column in TABLES[name].columns) + "\n")


def _tables_of(chapters: Iterable[str]) -> list[str]:
    wanted: set[str] = set()
    for chapter in chapters:
        found = [name for name in CHAPTERS if chapter in (name, name[:2])]
        if not found:
            near = nearest(chapter, CHAPTERS)
            hint = f"did you mean {near!r}?" if near else f"expected {listed(CHAPTERS)}."
            raise EndomtorError(f"There is no chapter {chapter!r} that reads tables; {hint}")
        wanted |= set(CHAPTERS[found[0]]) | {"exclusions"}
    return [name for name in TABLES if not wanted or name in wanted]


def _about() -> str:
    head = "# Whose data these are. Fill in what is empty; a line that begins with # is optional."
    whose, design = ([_line(key) for key in keys if key.example] for keys in (DATASET_KEYS, DESIGN_KEYS))
    return "\n".join([head, "", *whose, "", "[design]", *design]) + "\n"


def _line(key: Key) -> str:
    return f"{'' if key.required else '# '}{key.name} = {key.example}  # {key.meaning}"


def _readme(names: list[str], filled: dict) -> str:
    parts = [_HEAD]
    for name in names:
        table = TABLES[name]
        unit = f"\n\nUnit: {table.unit.replace('_', ' ')}." if table.unit else ""
        text = table_markdown(table).replace("### ", "## ", 1) + unit
        rows = getattr(filled[name], "obs", filled[name])
        if table.sheet:
            rows = rows.iloc[:, :4]
        example = rows.head(1).to_csv(index=False, float_format="%.6g", lineterminator="\n").splitlines()
        parts += [text, "", "```", *(f"# {line}" for line in example), "```", ""]
        if table.suffix == ".h5ad":
            parts += ["An AnnData file, written with `anndata`; the example is a row of its `obs`.", ""]
        if table.sheet:
            parts += [f"Further columns follow, one for each sample of `{table.sheet}`.", ""]
    return "\n".join(parts).rstrip() + "\n"


def _example(names: list[str]) -> dict:
    """Return tables of the example: a small draw from a world, under names that no simulated animal has.

    A table that no world draws has its columns and no rows.
    """
    world = worlds.load(_WORLD, {"endpoints": {"design": _SMALL}})
    drawn = worlds.simulate_tables(world, _SEED, [name for name in names if name in worlds.DRAWN])
    empty = {name: pd.DataFrame(columns=[column.name for column in TABLES[name].columns]) for name in names}
    return empty | {name: _renamed(table) for name, table in drawn.items()}


def _renamed(table):
    if not isinstance(table, pd.DataFrame):
        cells = table.copy()
        cells.obs = _renamed(cells.obs)
        cells.obs_names = [_new(name) for name in cells.obs_names]
        del cells.uns["endomtor_provenance"]
        return cells
    table = table.rename(columns=_new)
    texts = table.select_dtypes("object").columns
    return table.assign(**{name: table[name].map(_new) for name in texts})


def _new(value):
    if not isinstance(value, str):
        return value
    name = EXAMPLE_PREFIX + value.removeprefix(SIMULATED_PREFIX) if value.startswith(SIMULATED_PREFIX) else value
    return name.replace("(simulated)", "(invented)")


def _write(path: Path, table) -> None:
    if path.suffix == ".h5ad":
        table.write_h5ad(path, compression="gzip")
        return
    content = table.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()
    # No name and no time in the header: the same counts are the same bytes.
    files.write_bytes(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
