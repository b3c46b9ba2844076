"""Measure how much a million single cells and 500 transcriptomes ask for: time and memory.

Run by `make scale`: `.venv/bin/python scripts/scale.py [--quick] [--keep [DIR]]`. Cells are written to a temporary
folder in chunks, then checked, pseudobulked and drawn by the functions that `endomtor check` and chapter 01 call; of
the transcriptomes chapter 04 is executed as a build does. Each size has a process of its own, so that the peak of
memory is that of this work. Seconds are of the clock, with one thread for linear algebra.
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from endomtor.building import performance
from endomtor.building.performance import Row

ROOT = Path(__file__).resolve().parents[1]
LIMITS = {"cells": 3.0, "linear": 1.25, "counts": 4.0, "counts seconds": 600.0}
CUT_OFF = 1800.0
"""Seconds after which a process is stopped."""

DISK = 8e9
"""Bytes that have to be free: the file of a million cells takes about half of them."""

WORLD, SEED = "paper", 1
ABOUT = f"""\
title = "Cells and transcriptomes in great numbers"
provenance = "simulated"
source = "Drawn by scripts/scale.py around the numbers of world {WORLD}"
world = "{WORLD}"
seed = {SEED}
"""


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes
    ----------
    cells : tuple[int, ...]
        One file each.
    genes, expressed : int
        Of the cells: all, and those seen in one cell on average.
    animals : int
        In each of the two groups of cells.
    samples, measured : int
        Transcriptomes in all, and their genes.
    """

    cells: tuple[int, ...]
    genes: int
    expressed: int
    animals: int
    samples: int
    measured: int


FULL = Size(cells=(10_000, 100_000, 1_000_000), genes=15_000, expressed=500, animals=6, samples=500, measured=30_000)
QUICK = Size(cells=(500, 5000), genes=3000, expressed=250, animals=4, samples=16, measured=4000)


# --- Each of these runs in a process of its own -----------------------------------------------------------------------


def write_cells(folder: Path, size: Size, number: int) -> dict:
    """Write a data directory of so many cells, block by block: each holds cells of one animal."""
    import anndata
    import h5py
    import pandas as pd
    from anndata.io import sparse_dataset, write_elem

    from endomtor import worlds
    from endomtor.worlds import expression, tabular

    world, rng = worlds.load(WORLD), np.random.default_rng(SEED)
    one = world.endpoints.bmec_cells
    units = tabular.animals(world, "ec", ("young", "aged"), size.animals)
    genes, mean, hallmark = _genes_of_cells(rng, size.genes)
    spread = rng.normal(0, one.animal_sd, (len(units.frame), len(genes)))
    fall = one.hallmark_responds * np.log2(world.bmec_mtor) * hallmark
    share = mean * np.exp2(spread + np.outer(units.aged, fall))
    sexes = world.endpoints.sex_genes
    for names, absent in ((expression.FEMALE_GENES, units.male), (expression.MALE_GENES, ~units.male)):
        share[np.ix_(absent, np.isin(genes, names))] = sexes.leak
    share /= share.sum(axis=1, keepdims=True)
    molecules = _molecules(share[0], size.expressed)

    owners, path = np.repeat(np.arange(len(share)), -(-number // len(share)))[:number], folder / "bmec_cells.h5ad"
    obs = units.frame.iloc[owners].astype("category")
    obs.index = [f"{name}-{i}" for i, name in enumerate(obs["animal"])]
    for animal, relative in enumerate(share):
        for start in range(0, left := int((owners == animal).sum()), 20_000):
            block = _block(rng, relative, molecules, min(20_000, left - start))
            if path.exists():
                with h5py.File(path, "a") as file:
                    sparse_dataset(file["X"]).append(block)
                continue
            var = pd.DataFrame(index=genes)
            first = anndata.AnnData(block, obs.iloc[: block.shape[0]], var, uns={"endomtor_provenance": "simulated"})
            first.write_h5ad(path)
    with h5py.File(path, "a") as file:
        del file["obs"]
        write_elem(file, "obs", obs)
    (folder / "dataset.toml").write_text(ABOUT, encoding="utf-8")
    return {"megabytes": path.stat().st_size / 1e6}


def _genes_of_cells(rng: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return names, means and membership of the hallmark: the genes of the worlds first, then as many like them."""
    import pandas as pd

    from endomtor import paths
    from endomtor.worlds import expression

    table = pd.read_csv(paths.data() / "derived" / "ec_gene_baseline.csv", keep_default_na=False, na_values=[""])
    table = table[(table["mean"] > 0) & ~table["gene"].isin(expression.FEMALE_GENES + expression.MALE_GENES)]
    sexes = expression.FEMALE_GENES + expression.MALE_GENES
    more = number - len(table) - len(sexes)
    if more < 0:
        raise ValueError(f"{number} genes: expected at least the {len(table) + len(sexes)} of the worlds")
    drawn = rng.choice(table["mean"].to_numpy(), more)
    names = [*table["gene"], *(f"Invented{i + 1}" for i in range(more)), *sexes]
    mean = np.concatenate([table["mean"], drawn, np.full(len(sexes), table["mean"].quantile(0.95))])
    hallmark = np.concatenate([table["mtorc1"], np.zeros(more + len(sexes))])
    return np.array(names, dtype=object), mean, hallmark


def _molecules(share: np.ndarray, expressed: int) -> float:
    """Return how many molecules a cell holds in which so many genes are seen on average."""
    from scipy.optimize import brentq

    return brentq(lambda total: -np.expm1(-total * share).sum() - expressed, 1, 1e7)


def _block(rng: np.random.Generator, share: np.ndarray, molecules: float, cells: int):
    """Return Poisson counts of cells of one animal: the molecules of each gene fall into cells at random."""
    from scipy import sparse

    totals = rng.poisson(molecules * cells * share)
    gene = np.repeat(np.arange(share.size, dtype=np.int32), totals)
    cell = rng.integers(0, cells, gene.size, dtype=np.int32)
    return sparse.coo_matrix((np.ones(gene.size, np.float32), (cell, gene)), shape=(cells, share.size)).tocsr()


HALLMARK = "C1.cells.mTORC1_hallmark"


def work_on_cells(folder: Path, quick: bool) -> dict:
    """Check, pseudobulk and draw the cells of a data directory; return seconds of each, and what was found."""
    from endomtor import cells as single_cells
    from endomtor import contract
    from endomtor.analyses import mtor_decline

    if quick:
        single_cells.LARGEST_IN_MEMORY = single_cells.CHUNK = 200_000
    # The libraries of the chapter are there before the clock runs: a build imports them once for all chapters.
    import scanpy
    import sklearn.manifold  # noqa: F401

    scanpy.settings.verbosity = 0
    seconds = {}
    with _clock(seconds, "checked"):
        dataset, problems = contract.examine(folder)
    if dataset is None or problems:
        raise SystemExit(f"the data directory was not found sound: {problems[0]}")
    with _clock(seconds, "pseudobulked"):
        cells = single_cells.passing(dataset.tables["bmec_cells"])
        answer = mtor_decline.answers(dataset.tables, {HALLMARK})[HALLMARK].estimate
    with _clock(seconds, "drawn"):
        drawn = single_cells.sample(cells, 200 if quick else 4000)
        scanpy.pp.normalize_total(drawn, target_sum=1e4)
        scanpy.pp.log1p(drawn)
        scanpy.pp.pca(drawn, n_comps=20, random_state=0)
        scanpy.tl.tsne(drawn, n_pcs=20, random_state=0)
    return {"seconds": seconds, "n": answer.n, "cells": cells.n_obs}


def write_counts(folder: Path, size: Size) -> dict:
    """Write a data directory of transcriptomes: the genes of the world, and invented ones that follow no programme."""
    import pandas as pd

    from endomtor import worlds
    from endomtor.worlds import expression

    design = {"transcriptome_animals": size.samples // 4}
    world, rng = worlds.load(WORLD, {"endpoints": {"design": design}}), np.random.default_rng(SEED)
    counts, samples = expression.hspc(world, SEED)
    like, known = expression.programme(world), len(counts)
    # Half of the genes of an annotation are hardly seen in one kind of cell.
    drawn = rng.integers(0, like.genes.size, size.measured - known)
    mean = like.mean[drawn] * np.where(rng.random(drawn.size) < 0.5, 1, 10 ** -rng.uniform(1, 4, drawn.size))
    depth = counts.iloc[:, 1:].sum().to_numpy() / counts.iloc[:, 1:].sum().mean()
    more = expression.negative_binomial(rng, np.outer(mean, depth), like.dispersion[drawn][:, None])
    invented = pd.DataFrame(more, columns=counts.columns[1:])
    invented.insert(0, "gene", [f"Invented{i + 1}" for i in range(len(drawn))])
    text = pd.concat([counts, invented]).to_csv(index=False)
    (folder / "hspc_counts.csv.gz").write_bytes(gzip.compress(text.encode(), 1))
    samples.to_csv(folder / "hspc_samples.csv", index=False)
    (folder / "dataset.toml").write_text(ABOUT, encoding="utf-8")
    return {"megabytes": len(text) / 1e6}


def work_on_counts(folder: Path) -> dict:
    """Execute chapter 04 on a data directory; return its seconds and those of each cell that took a while."""
    import nbformat

    from endomtor.building.execute import execute

    chapter, seconds = "04_transcriptome_resemblance", {}
    executed = folder / "build" / f"{chapter}.ipynb"
    with _clock(seconds, "chapter"):
        execute(
            ROOT / "notebooks" / f"{chapter}.ipynb",
            parameters={"data_dir": str(folder), "world": WORLD, "seed": SEED},
            build=folder / "build",
            executed=executed,
            evidence=folder / "build" / f"{chapter}.json",
            failed=folder / "build" / "failed.ipynb",
        )
    records = json.loads((folder / "build" / f"{chapter}.json").read_text(encoding="utf-8"))
    cells = sum(cell.cell_type == "code" for cell in nbformat.read(executed, as_version=4).cells)
    return {"seconds": seconds, "records": len(records), "cells": cells}


@contextmanager
def _clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start


def _gigabytes() -> float:
    """Return the peak of memory of this process and of the largest that it has started, together, GiB."""
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / unit


STEPS = {
    "write-cells": lambda folder, size, number: write_cells(folder, size, number),
    "cells": lambda folder, size, number: work_on_cells(folder, size is QUICK),
    "write-counts": lambda folder, size, number: write_counts(folder, size),
    "counts": lambda folder, size, number: work_on_counts(folder),
}


def in_own_process(step: str, folder: Path, size: Size, number: int = 0) -> dict:
    """Run one of `STEPS` in a process of its own and return what it returns, with its `memory` (GiB).

    Raises
    ------
    subprocess.TimeoutExpired
        It took longer than `CUT_OFF`.
    """
    command = [sys.executable, __file__, "--step", step, "--folder", str(folder), "--cells", str(number)]
    surroundings = os.environ | {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    command += ["--quick"] if size is QUICK else []
    ran = subprocess.run(command, env=surroundings, capture_output=True, text=True, cwd=ROOT, timeout=CUT_OFF)
    if ran.returncode:
        raise SystemExit(f"{step}: {ran.stderr.strip()[-2000:]}")
    return json.loads(ran.stdout.splitlines()[-1])


def measure(size: Size, scratch: Path, progress: Progress) -> list[Row]:
    """Measure both; what was written is deleted before the next is."""
    steps = [("cells", number) for number in size.cells] + [("counts", 0)]
    found = {}
    for what, number in steps:
        name = f"{number:,} cells" if number else f"{size.samples} transcriptomes"
        task = progress.add_task(f"{name}: writing", total=None)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            written = in_own_process(f"write-{what}", Path(folder), size, number)
            progress.update(task, description=f"{name}: working")
            try:
                done = in_own_process(what, Path(folder), size, number)
                found[number or what] = done | {"file": written["megabytes"]}
            except subprocess.TimeoutExpired:
                # A million cells come to an end; a chapter that does not is a finding.
                if number:
                    raise
                found[what] = None
        progress.update(task, description=f"{name}: done", total=1, completed=1)
    return [*rows_of_cells(size, found), *rows_of_counts(size, found["counts"])]


def rows_of_cells(size: Size, found: dict) -> list[Row]:
    """Return the rows of each number of cells, and how the time grows over the last step."""
    notes = {
        "checked": "`endomtor check`: sum of the file, every count, cells of each animal against its sex",
        "pseudobulked": "quality control of cells and genes, sum of each animal, hallmark score, estimate",
        "drawn": "t-SNE of a seeded sample of at most 4,000 cells, figure, and the wrong test of these cells",
    }
    rows = []
    for number in size.cells:
        one = found[number]
        name = f"{number:,} cells x {size.genes:,} genes"
        rows += [Row(f"{name}: {stage}", value, "s", note=notes[stage]) for stage, value in one["seconds"].items()]
        note = f"peak of the process that did all three; the file holds {one['file'] / 1000:.2g} GB"
        rows.append(Row(f"{name}: memory", one["memory"], "GiB", LIMITS["cells"], note=note))
    few, many = size.cells[-2:]
    taken = [sum(found[number]["seconds"][stage] for stage in ("checked", "pseudobulked")) for number in (few, many)]
    times = many // few
    rows.append(
        Row(
            f"time for {many:,} cells against {times} times that for {few:,}",
            taken[1] / (times * taken[0]),
            "times",
            LIMITS["linear"],
            note="checked and pseudobulked; what is drawn does not grow",
        )
    )
    return rows


def rows_of_counts(size: Size, one: dict | None) -> list[Row]:
    """Return the rows of the transcriptomes; without an answer, that of the time after which it was cut off."""
    name = f"{size.samples} transcriptomes x {size.measured:,} genes: chapter 04"
    if one is None:
        return [Row(name, CUT_OFF, "s", LIMITS["counts seconds"], note="cut off before it had ended")]
    note = f"all {one['cells']} cells of the notebook, in a kernel that starts as usual; {one['file']:.0f} MB of counts"
    memory = "peak of the process that executes and of its kernel, added"
    return [
        Row(name, one["seconds"]["chapter"], "s", LIMITS["counts seconds"], note=note),
        Row(f"{name}, memory", one["memory"], "GiB", LIMITS["counts"], note=memory),
    ]


def main() -> int:
    """Measure, print and, if asked, keep; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small data, to see that it runs")
    performance.keep_option(parser)
    # What the processes that this one starts are told.
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cells", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    size = QUICK if chosen.quick else FULL
    if chosen.step:
        found = STEPS[chosen.step](chosen.folder, size, chosen.cells)
        print(json.dumps(found | {"memory": _gigabytes()}))
        return 0
    with tempfile.TemporaryDirectory(prefix="endomtor-scale-") as scratch:
        if not chosen.quick and (free := shutil.disk_usage(scratch).free) < DISK:
            parser.error(
                f"{scratch}: {free / 1e9:.0f} GB are free, expected {DISK / 1e9:.0f}; TMPDIR names another place"
            )
        columns = TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(*columns, console=Console(stderr=True)) as progress:
            rows = measure(size, Path(scratch), progress)
    performance.report("scale", "A million cells, 500 transcriptomes", rows, chosen.keep)
    if chosen.quick:
        print("Quick: small data, to see that it runs; the numbers mean nothing.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
