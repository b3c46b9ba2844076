"""Many cohorts over worlds, parameters and seeds: `endomtor sweep GRID.toml`, on one machine or on a cluster.

A cell of the grid is one world with one value of each parameter. The cohorts of a cell are cut into jobs; each job
leaves one file, whose name is a hash of what is in it, so a sweep that was cut off goes on where it was, a grid that
grows keeps what it has, and it does not matter which machine made a file. At the end all files are joined.

`python -m endomtor.sweep SETTINGS.json JOB` runs one job; `workflow/sweep.smk` calls it.
"""

import hashlib
import io
import itertools
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, fields
from functools import cache, partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from endomtor import calibration, children, files, paths, snakemake, worlds
from endomtor.calibration import cohorts, sample_size
from endomtor.calibration import jobs as processes
from endomtor.claims import catalogue
from endomtor.errors import BuildError, WorldError
from endomtor.worlds.parameters import Design, nearest, read_toml

N = "n"
"""The parameter that sets the units in each group of every table, as the sample sizes of the book do."""

_PATIENCE = 1.5
"""Seconds in which Snakemake may end by itself."""
COLUMNS = ("seed", "id", "estimate", "low", "high", "word")
_KEYS = ("title", "worlds", "parts", "ids", "seeds", "cohorts_per_job", "parameters")
_ABOUT = b"endomtor"


@dataclass(frozen=True)
class Job:
    """Some cohorts of one cell.

    Attributes
    ----------
    world : str
    values : dict
        Value of each parameter, by its name in the grid.
    changes : dict
        The same in the shape of a world file, as `endomtor.worlds.load` takes them.
    part : str
        Of `calibration.PARTS`.
    first, count : int
        Seeds `first` to `first + count - 1`.
    code : str
        `endomtor.calibration.jobs.code_hash` of the code that the cohorts are for.
    """

    world: str
    values: dict
    changes: dict
    part: str
    first: int
    count: int
    code: str

    @property
    def name(self) -> str:
        """Name of the file without its ending: what it depends on, and nothing else."""
        return f"{self.world}-{self.part}-{_hash(asdict(self) | {'values': None})[:20]}"


@dataclass(frozen=True)
class Grid:
    """The content of a `GRID.toml`.

    Attributes
    ----------
    title : str
    worlds, parts, ids : tuple[str, ...]
        Names of worlds, of `calibration.PARTS`, and of the claims and predictions that are kept (all where empty).
    first, count : int
        The first seed, and how many cohorts each cell has.
    cohorts_per_job : int
    parameters : dict
        Values by the path of the parameter in a world file: `("endpoints", "spread", "tails"): (0, 3)`.
    """

    title: str
    worlds: tuple[str, ...]
    parts: tuple[str, ...]
    ids: tuple[str, ...]
    first: int
    count: int
    cohorts_per_job: int
    parameters: dict[tuple[str, ...], tuple]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, as columns of the result have them."""
        return tuple(map(".".join, self.parameters))

    @property
    def hash(self) -> str:
        """A sha256 over what decides which rows the result has."""
        content = asdict(self) | {"parameters": list(self.parameters.items())}
        return _hash({key: value for key, value in content.items() if key not in ("title", "cohorts_per_job")})

    def cells(self) -> Iterator[tuple[str, dict, dict]]:
        """Yield world, values by name, and the changes that they are to the world, for each cell."""
        for world in self.worlds:
            for values in itertools.product(*self.parameters.values()):
                by_path = dict(zip(self.parameters, values, strict=True))
                yield world, dict(zip(self.names, values, strict=True)), _changes(by_path)

    def jobs(self) -> list[Job]:
        """Return the jobs in the order of the grid."""
        code, end = processes.code_hash(), self.first + self.count
        return [
            Job(world, values, changes, part, first, min(self.cohorts_per_job, end - first), code)
            for world, values, changes in self.cells()
            for part in self.parts
            for first in range(self.first, end, self.cohorts_per_job)
        ]


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@cache
def _follow_n() -> tuple[str, ...]:
    """The numbers of a design that follow n."""
    one, other = (sample_size.world_of(n).endpoints.design for n in (2, 3))
    return tuple(field.name for field in fields(Design) if getattr(one, field.name) != getattr(other, field.name))


def _changes(values: Mapping[tuple[str, ...], object]) -> dict:
    changes: dict = {}
    if (N,) in values:
        design = sample_size.world_of(values[(N,)]).endpoints.design
        changes = {"endpoints": {"design": {name: getattr(design, name) for name in _follow_n()}}}
    for path, value in values.items():
        if path != (N,):
            table = changes
            for key in path[:-1]:
                table = table.setdefault(key, {})
            table[path[-1]] = value
    return changes


def read(path: Path) -> Grid:
    """Read a grid and check all of it, each cell's world too.

    Raises
    ------
    WorldError
        One sentence with file, key, value and what was expected, with the nearest name where one is unknown.
    """
    path = Path(path)
    content, where = read_toml(path), path.name
    for key in content:
        if key not in _KEYS:
            raise WorldError(f"{where}: unknown key {key!r}{nearest(key, _KEYS)}, expected {', '.join(_KEYS)}.")
    for key in ("title", "worlds", "seeds", "parameters"):
        if key not in content:
            raise WorldError(f"{where}: key {key!r} is missing.")
    if not isinstance(content["title"], str) or not content["title"].strip():
        raise WorldError(f"{where}: title is {content['title']!r}, expected a few words.")
    parts = _words(content.get("parts", ["tables"]), "parts", calibration.PARTS, where)
    first, count = _seeds(content["seeds"], where)
    grid = Grid(
        title=content["title"].strip(),
        worlds=_words(content["worlds"], "worlds", worlds.names(), where),
        parts=parts,
        ids=_ids(content["ids"], parts, where) if "ids" in content else (),
        first=first,
        count=count,
        cohorts_per_job=_number(content.get("cohorts_per_job", 25), "cohorts_per_job", 1, where),
        parameters=dict(_parameters(content["parameters"], where)),
    )
    _check_cells(grid, where)
    return grid


def _number(value: object, key: str, least: int, where: str) -> int:
    if type(value) is not int or value < least:
        raise WorldError(f"{where}: {key} is {value!r}, expected an integer of at least {least}.")
    return value


def _seeds(table: object, where: str) -> tuple[int, int]:
    if not isinstance(table, dict) or set(table) != {"first", "count"}:
        raise WorldError(f"{where}: seeds is {table!r}, expected {{ first = 1, count = 100 }}.")
    return _number(table["first"], "seeds.first", 0, where), _number(table["count"], "seeds.count", 1, where)


def _words(value: object, key: str, known: Sequence[str] | None, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise WorldError(f"{where}: {key} is {value!r}, expected a list of names.")
    for one in value:
        if known is not None and one not in known:
            raise WorldError(f"{where}: {key} has {one!r}{nearest(one, known)}, expected of {', '.join(known)}.")
    return _once(value, key, where)


def _once(values: Sequence, key: str, where: str) -> tuple:
    for one in values:
        if values.count(one) > 1:
            raise WorldError(f"{where}: {key} has {one!r} twice, expected once.")
    return tuple(values)


def _ids(value: object, parts: Sequence[str], where: str) -> tuple[str, ...]:
    ids, rules = _words(value, "ids", None, where), catalogue.load()
    claims = [claim.id for claim in rules.claims]
    for one in ids:
        # What the courses estimate decides nothing, so no rule has its id.
        if one in claims or "courses" in parts:
            continue
        try:
            worlds.load(sample_size.WORLDS[sample_size.SUPPORTED]).value(one)
        except WorldError as error:
            known = [*claims, *(rule.id for claim in rules.claims for rule in claim.primaries)]
            expected = "expected ids of claims and of predictions that are in the worlds"
            raise WorldError(f"{where}: ids has {one!r}{nearest(one, known)}, {expected}.") from error
    return ids


def _parameters(table: object, where: str, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], tuple]]:
    """Yield each parameter of a table in the shape of a world file, with a list in the place of each number."""
    key = ".".join(("parameters", *path))
    if isinstance(table, dict) and table:
        for name, inner in table.items():
            yield from _parameters(inner, where, (*path, name))
        return
    plain = isinstance(table, list) and table and path
    kinds = {float if type(one) is int else type(one) for one in table} if plain else set()
    if len(kinds) != 1 or kinds - {float, bool, str}:
        expected = "a list of numbers" if path else "a table with a list of values for each parameter"
        raise WorldError(f"{where}: {key} is {table!r}, expected {expected}.")
    if path == (N,):
        for one in table:
            _number(one, key, 1, where)
    yield path, _once(table, key, where)


def _check_cells(grid: Grid, where: str) -> None:
    """Load the world of each cell; of a fault the parameter at fault is named, not the whole cell."""
    for world in grid.worlds:
        singly = [({path: value},) for path, values in grid.parameters.items() for value in values]
        together = itertools.product(*([{path: one} for one in own] for path, own in grid.parameters.items()))
        for cell in itertools.chain(singly, together):
            values = {path: value for one in cell for path, value in one.items()}
            try:
                worlds.load(world, _changes(values))
            except WorldError as error:
                said = ", ".join(f"parameters.{'.'.join(path)} = {value!r}" for path, value in values.items())
                raise WorldError(f"{where}: {said} cannot be: {error}") from error


def folder() -> Path:
    """Return where the files of jobs are kept, for all grids: `sweeps` in the build folder."""
    return paths.build_dir().absolute() / "sweeps"


def work(job: Job, store: Path) -> None:
    """Run the cohorts of a job and write their file, unless it is there.

    Raises
    ------
    BuildError
        The code is not the one that the job is for: its file would say what is not so.
    """
    file = store / f"{job.name}.parquet"
    if file.is_file():
        return
    if job.code != processes.code_hash():
        raise BuildError(
            f"{file.name}: the code has changed since this sweep began, expected it unchanged: begin again."
        )
    scenario = calibration.Scenario(
        name=job.name, title="", world=job.world, parts=(job.part,), changes=job.changes, keep={}, without=(),
        mistakes=(), cohorts={}, biased="",
    )  # fmt: skip
    seeds = range(job.first, job.first + job.count)
    answers = [one for seed in seeds for one in cohorts.cohort(scenario, seed, job.part)[0]]
    table, _ = cohorts.frames(answers, [])
    files.write_bytes(file, _parquet(table[list(COLUMNS)]))


def _parquet(table: pd.DataFrame, about: dict | None = None) -> bytes:
    """Return a table as Parquet: the same table gives the same bytes, whatever version of pandas holds it."""
    found = pa.Table.from_pandas(table, preserve_index=False)
    metadata = {_ABOUT: json.dumps(about, sort_keys=True).encode()} if about else None
    stream = io.BytesIO()
    pq.write_table(found.replace_schema_metadata(metadata), stream, compression="zstd")
    return stream.getvalue()


def sweep(
    file: Path, out: Path, *, jobs: int | None = None, profile: Path | None = None, progress: bool = False
) -> pd.DataFrame:
    """Run what a grid asks for and is not there yet, and write the whole as one Parquet file.

    Parameters
    ----------
    file : Path
        A `GRID.toml`.
    out : Path
        The result.
    jobs : int, optional
        Processes; with a profile, jobs side by side where that is not the profile's to say.
    profile : Path, optional
        A folder with a profile of Snakemake, which then runs the jobs.
    progress : bool
        Show a bar.

    Returns
    -------
    DataFrame
        One row per cohort and id: world, a column for each parameter, part, then `COLUMNS`; sorted by cell, part, seed,
        id.

    Raises
    ------
    WorldError
        As `read`.
    BuildError
        A job failed; those that are done are kept.
    """
    grid = read(file)
    wanted, store = grid.jobs(), folder()
    store.mkdir(parents=True, exist_ok=True)
    missing = [job for job in wanted if not (store / f"{job.name}.parquet").is_file()]
    total, left = (sum(job.count for job in own) for own in (wanted, missing))
    bar = {"totals": {grid.title: total}, "there": {grid.title: total - left}, "progress": progress}
    # Also where no job is missing: a run that was killed at its end has left its temporary folder.
    with children.scratch(store) as scratch, processes.bars(**bar) as advance:
        done = partial(advance, grid.title)
        if profile is not None and missing:
            _through_snakemake(wanted, missing, store, scratch, profile, jobs, done)
        else:
            with closing(processes.run(work, [(job, store) for job in missing], jobs=jobs or 1)) as finished:
                for job, _ in zip(missing, finished, strict=True):
                    done(job.count)
    table = _joined(grid, wanted, store)
    for job in wanted:
        # Half written by a job that was killed; the whole file is there.
        for left in store.glob(f".{job.name}.parquet.*"):
            left.unlink()
    about = {"title": grid.title, "grid": grid.hash, "code": wanted[0].code, "parameters": list(grid.names)}
    about |= {"ids": list(grid.ids), "first": grid.first, "cohorts": grid.count}
    files.write_bytes(out, _parquet(table, about))
    return table


def _through_snakemake(
    wanted: Sequence[Job], missing: Sequence[Job], store: Path, scratch: Path, profile: Path, jobs: int | None, done
) -> None:
    # One name for the whole sweep: what a run that was killed has left in a queue reads the same file.
    settings = store / f"settings-{_hash([job.name for job in wanted])[:20]}.json"
    command = shlex.join([sys.executable, "-P", "-m", "endomtor.sweep", str(settings)])
    content = {
        "command": snakemake.escaped(f"cd {shlex.quote(str(paths.root()))} && {command}"),
        "store": str(store),
        "jobs": {job.name: asdict(job) for job in wanted},
    }
    files.write_text(settings, json.dumps(content, indent=1) + "\n")
    call = children.tied("snakemake", "--snakefile", str(paths.root() / "workflow" / "sweep.smk"))
    call += ["--directory", str(store), "--configfile", str(settings), "--profile", str(profile.absolute())]
    # A file is there only when it is whole, so what Snakemake remembers of a run that was killed plays no part.
    call += ["--nolock", "--ignore-incomplete", "--rerun-triggers", "mtime", "--scheduler", "greedy", "--nocolor"]
    call += ["--jobs", str(jobs)] if jobs else []
    log, waiting = settings.with_suffix(".log"), list(missing)
    with (
        open(log, "w", encoding="utf-8") as stream,
        children.started(
            call, environment=os.environ | {"TMPDIR": str(scratch)}, stdout=stream, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            while process.poll() is None:
                time.sleep(0.5)
                there = [job for job in waiting if (store / f"{job.name}.parquet").is_file()]
                waiting = [job for job in waiting if job not in there]
                done(sum(job.count for job in there))
        except BaseException:
            # It takes its jobs out of the queue of a cluster, if it is quick.
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
            raise
    if process.returncode:
        raise BuildError(f"Snakemake could not run the sweep; see {log}:\n{snakemake.tail(log)}")
    done(sum(job.count for job in waiting))
    settings.unlink()
    log.unlink()


def _joined(grid: Grid, wanted: Sequence[Job], store: Path) -> pd.DataFrame:
    found = []
    for job in wanted:
        file = store / f"{job.name}.parquet"
        try:
            table = pq.read_table(file).to_pandas()
        except (OSError, pa.ArrowException) as error:
            raise BuildError(f"{file}: cannot be read as Parquet ({error}), delete it and run again.") from error
        if grid.ids:
            table = table[table["id"].isin(grid.ids)]
        for place, (name, value) in enumerate([("world", job.world), *job.values.items(), ("part", job.part)]):
            table.insert(place, name, value)
        found.append(table.sort_values(["seed", "id"], kind="stable"))
    # Cells stand in the order of the grid already, and each cell's parts and seeds within it.
    return pd.concat(found, ignore_index=True)


def result(path: Path) -> tuple[pd.DataFrame, dict]:
    """Read the result of a sweep: its table, and what it says about itself.

    Returns
    -------
    table : DataFrame
        As `sweep` returns it.
    about : dict
        title, grid and code (hashes), parameters (names), ids, first (seed), cohorts (of each cell).

    Raises
    ------
    BuildError
        It is not there, or is no result of a sweep.
    """
    try:
        found = pq.read_table(path)
        return found.to_pandas(), json.loads(found.schema.metadata[_ABOUT])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise BuildError(f"{path}: cannot be read as the result of a sweep ({error}): run `endomtor sweep`.") from error


def profile_of(name: str) -> Path:
    """Return the folder of a profile: a folder, or a name in `workflow/profiles/`.

    Raises
    ------
    BuildError
        There is none of that name, or its folder has no config.yaml.
    """
    own = paths.root() / "workflow" / "profiles"
    for place in (own / name, Path(name)):
        if (place / "config.yaml").is_file():
            return place
    known = sorted(path.parent.name for path in own.glob("*/config.yaml"))
    raise BuildError(
        f"--profile is {name!r}{nearest(name, known)}, expected a folder with a config.yaml or of {', '.join(known)}."
    )


def main(settings: Path, name: str) -> None:
    """Run one job of a sweep that was handed to Snakemake."""
    content = json.loads(settings.read_text(encoding="utf-8"))
    list(processes.run(work, [(Job(**content["jobs"][name]), Path(content["store"]))]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
