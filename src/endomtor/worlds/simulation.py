"""A cohort in memory, and a cohort as a data directory that follows the data contract."""

import gzip
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from endomtor import files
from endomtor.contract import TABLES, Dataset
from endomtor.contract.dataset import from_tables
from endomtor.errors import WorldError
from endomtor.worlds import expression, tabular
from endomtor.worlds.parameters import nearest
from endomtor.worlds.world import World, load

TABULAR = tuple(name for name in TABLES if hasattr(tabular, name))
EXPRESSION = ("hspc_counts", "hspc_samples", "bmec_cells")
DRAWN = TABULAR + EXPRESSION
"""The tables that a world can draw; a laboratory may have others."""
DESIGN = """\
[design]
strain = "C57BL/6J (simulated, assumed)"
control = "Cre-negative littermates (assumed)"
young_weeks = [10, 14]
aged_weeks = [88, 104]
dose = "not stated: simulated"
route = "not stated: simulated"
randomised = true
blinded = true
"""


def simulate_tables(world: str | World, seed: int, names: Iterable[str] = TABULAR) -> dict:
    """Return the named tables of one cohort.

    `WorldError`: no such world or table, a seed that is not an integer of at least 0.

    Parameters
    ----------
    seed : int
        At least 0. The same seed gives the same tables.
    names : iterable of str
        Of `DRAWN`; `hspc_counts` and `hspc_samples` are drawn together at the cost of one.

    Returns
    -------
    dict[str, DataFrame]
        In the order asked for; `bmec_cells` is an AnnData.
    """
    world = load(world) if isinstance(world, str) else world
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise WorldError(f"World {world.name}: seed is {seed!r}, expected an integer of at least 0.")
    drawn = {}
    for name in names:
        if name not in DRAWN:
            raise WorldError(f"World {world.name}: there is no table {name!r}{nearest(name, DRAWN)}.")
        if name in ("hspc_counts", "hspc_samples"):
            if name not in drawn:
                counts, samples = expression.hspc(world, seed)
                drawn |= {"hspc_counts": counts, "hspc_samples": samples}
        else:
            drawn[name] = getattr(expression if name in EXPRESSION else tabular, name)(world, seed)
    return drawn


def tables(world: str | World, seed: int) -> dict[str, pd.DataFrame]:
    """Return every table of one cohort but those of gene expression, in memory (some milliseconds a cohort)."""
    return simulate_tables(world, seed)


def dataset(world: str | World, seed: int, names: Iterable[str] = TABULAR, tables: Mapping | None = None) -> Dataset:
    """Return one cohort as the data set that `contract.load` would make of its directory, without writing files.

    Values have all their digits (a file has six), and the provenance has no sha256.

    `WorldError`: as `simulate_tables`.

    Parameters
    ----------
    world, seed, names
        As for `simulate_tables`.
    tables : mapping, optional
        Tables drawn before from this world and seed, possibly made smaller (`thin`, `without`); `names` then plays no
        part. They are not changed.
    """
    world = load(world) if isinstance(world, str) else world
    drawn = simulate_tables(world, seed, names) if tables is None else tables
    return from_tables(tomllib.loads(_about(world, seed)), drawn)


def simulate(world: str | World, seed: int, out: Path) -> Path:
    """Write one cohort as a complete data directory; an existing `out` is replaced when all is written.

    `WorldError`: as `simulate_tables`; or `out` is there and is not a simulated data directory (it is left alone).
    """
    world, out = load(world) if isinstance(world, str) else world, Path(out)
    _refuse_to_overwrite(out)
    drawn = simulate_tables(world, seed, DRAWN)
    with files.replacing(out) as folder:
        files.write_text(folder / "dataset.toml", _about(world, seed))
        for name, table in drawn.items():
            if name == "bmec_cells":
                table.write_h5ad(folder / "bmec_cells.h5ad", compression="gzip")
                continue
            text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
            if name == "hspc_counts":
                # No name and no time in the header: the same counts are the same bytes.
                files.write_bytes(folder / "hspc_counts.csv.gz", gzip.compress(text.encode(), mtime=0))
            else:
                files.write_text(folder / f"{name}.csv", text)
    return out


def _refuse_to_overwrite(out: Path) -> None:
    """A laboratory's folder named by mistake must survive."""
    if not out.exists():
        return
    if not out.is_dir():
        raise WorldError(f"{out}: is a file, expected a folder to write the simulated data to.")
    sheet = out / "dataset.toml"
    simulated = sheet.is_file() and 'provenance = "simulated"' in sheet.read_text(encoding="utf-8", errors="replace")
    if any(out.iterdir()) and not simulated:
        raise WorldError(f"{out}: holds other files than simulated data, expected a new or empty folder.")


def _about(world: World, seed: int) -> str:
    changed = ", some of them changed in code" if world.changed else ""
    return f"""\
title = "Simulated world {world.name}"
provenance = "simulated"
source = "Drawn by endomtor from the assumed numbers of data/worlds/{world.name}.toml{changed}"
licence = "CC-BY-4.0"
world = "{world.name}"
seed = {seed}

{DESIGN}"""
