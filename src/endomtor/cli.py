"""The command line. Heavy packages are imported by the commands that need them, so that help is quick."""

import io
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from endomtor import children, paths
from endomtor.errors import BuildError, EndomtorError

app = typer.Typer(
    name="endomtor",
    # \\b keeps the lines as they are: an empty one between them would be one too many for a screen.
    help="\b\nBuild and check the book on endothelial mTOR, on simulated or your own mice.\n"
    "Example: `endomtor build --world bystander`",
    no_args_is_help=True,
    # Help in boxes would double the start-up time.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _remember_debug(value: bool) -> None:
    # An environment variable, so that it reaches the jobs of a build too.
    if value:
        os.environ["ENDOMTOR_DEBUG"] = "1"


def _worlds(begun: str) -> list[str]:
    """Return the worlds that begin so, for a shell."""
    names = sorted(path.stem for path in (paths.data() / "worlds").glob("*.toml"))
    return [name for name in names if name.startswith(begun)]


def _chapters(begun: str) -> list[str]:
    """Return the chapters that begin so, for a shell."""
    names = sorted(path.stem for path in (paths.root() / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    return [name for name in names if name.startswith(begun)]


Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error.", callback=_remember_debug, show_default=False)
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="A data directory that keeps the data contract; it is read in place."),
]
World = Annotated[
    str | None,
    typer.Option("--world", metavar="NAME", help="A simulated world.  [default: paper]", autocompletion=_worlds),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the simulated world.")]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", min=1, help="Chapters side by side.  [default: one for each processor]"),
]
Offline = Annotated[bool, typer.Option("--offline", help="Do not use the network.")]


@app.callback()
def _app(debug: Debug = False) -> None:
    """Options that stand before the command."""


@app.command()
def build(
    data: Data = None,
    world: World = None,
    seed: Seed = 1,
    jobs: Jobs = None,
    offline: Offline = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Build here.  [default: _build]")] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="When a chapter fails, run the others all the same.")
    ] = False,
    changed_analysis: Annotated[
        bool, typer.Option("--changed-analysis", help="Let chapters differ from the calibrated analysis, and mark it.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Execute the chapters, write the ledger and the site; only what has changed since the last build.

    Example: `endomtor build --data my-mice`
    """
    from rich.console import Console

    from endomtor.building import site, workflow

    folder, world = _data_or_world(data, world)
    console = Console(stderr=True)
    # Unlike `Path.resolve`, it leaves a loop of links to whoever opens it.
    target = Path(os.path.realpath(out or paths.build_dir()))
    _refuse_target(target, folder)
    missing = _public_files(offline, console)
    settings = workflow.Settings(
        root=str(paths.root()),
        build=str(target),
        world=world,
        seed=seed,
        data=str(folder) if folder else None,
        missing=missing,
        changed_analysis=changed_analysis,
    )
    whose = f"the data in {folder}" if folder else f"the simulated world {world!r}, seed {seed}"
    console.print(f"Building the book on {whose}.", highlight=False, soft_wrap=True)
    workflow.build(settings, jobs=jobs or _processors(), console=console, keep_going=keep_going)
    print(f"The book is at {target / 'html' / site.FIRST_PAGE}")


@app.command()
def run(
    chapter: Annotated[
        str, typer.Argument(metavar="CHAPTER", help="`03` or `03_ecko_phenotypes`.", autocompletion=_chapters)
    ],
    data: Data = None,
    world: World = None,
    seed: Seed = 1,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="NAME VALUE", help="Set a parameter of the notebook; may be repeated."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Execute one notebook, beside the last build, whose ledger and site stay as they are.

    Example: `endomtor run 03 --world bystander -p seed 2`
    """
    from rich.console import Console

    from endomtor.building import execute, workflow

    folder, world = _data_or_world(data, world)
    target = os.path.realpath(paths.build_dir())
    settings = workflow.Settings(root=str(paths.root()), build=target, world=world, seed=seed)
    name = settings.chapter(chapter)
    notebook = settings.notebook(name)
    known = execute.parameters_of(notebook)
    given = {"data_dir": str(folder) if folder else "", "world": world, "seed": seed}
    for key, value in (_parameter(text) for text in parameter or []):
        if key not in known:
            raise BuildError(f"{name} has no parameter {key!r}; {_nearest(key, known)}")
        given[key] = value
    interactive = Path(settings.build) / "interactive"
    executed = interactive / "executed" / "notebooks" / notebook.name
    with Console(stderr=True).status(f"running {name}"):
        execute.execute(
            notebook,
            parameters={key: value for key, value in given.items() if key in known},
            build=Path(settings.build),
            executed=executed,
            evidence=interactive / "evidence" / f"{name}.json",
            failed=interactive / "failed" / notebook.name,
        )
    print(f"The executed notebook is at {executed}")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.", show_default=False)],
    chapters: Annotated[
        list[str] | None, typer.Argument(metavar="[CHAPTER]...", help="Only their tables: `03` or a whole name.")
    ] = None,
    example: Annotated[bool, typer.Option("--example", help="Fill the tables with invented mice.")] = False,
    debug: Debug = False,
) -> None:
    """Write empty tables to fill in, with a README that explains them; nothing is overwritten.

    Example: `endomtor init my-mice 01 03`
    """
    from endomtor import own_data

    for path in own_data.init(folder, chapters or (), example=example):
        print(path)


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A data directory.", show_default=False)],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the problems as JSON, without what the data allow.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Hold a data directory against the data contract, and say what it allows; warnings alone are clean.

    Example: `endomtor check my-mice`
    """
    import json

    from endomtor import contract

    dataset, problems = contract.examine(folder)
    faults = sum(problem.severity == "error" for problem in problems)
    if as_json:
        print(json.dumps([problem.as_dict() for problem in problems], indent=2, ensure_ascii=False))
    else:
        _print_problems(problems)
        print(f"{folder}: {_count(faults, 'fault')}, {_count(len(problems) - faults, 'warning')}")
    if faults:
        raise EndomtorError(f"{folder} breaks the data contract: {_count(faults, 'fault')}, listed on stdout")
    if not as_json:
        from endomtor import own_data

        print(f"\n{own_data.report(own_data.allowed(dataset), dataset)}")


def _print_problems(problems: list) -> None:
    """Print the problems, with an empty line after each file; they come sorted by file and row."""
    from itertools import groupby

    from endomtor.contract.problems import lines

    for _, of_file in groupby(problems, key=lambda problem: problem.file):
        print(*lines(of_file), sep="\n", end="\n\n")


@app.command()
def report(
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="A data directory; it is read in place.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The report.  [default: DIR-report.html]")
    ] = None,
    build_in: Annotated[
        Path | None,
        typer.Option(
            "--build",
            metavar="DIR",
            help="Build here, or use the build that is here.  [default: _build if it is of these data, else a "
            "temporary folder]",
        ),
    ] = None,
    jobs: Jobs = None,
    offline: Offline = False,
    debug: Debug = False,
) -> None:
    """Write one HTML file about your data, to be mailed; chapters are executed where no build of them is at hand.

    Example: `endomtor report --data my-mice`
    """
    import tempfile

    from rich.console import Console

    from endomtor import files
    from endomtor.building import report, workflow

    folder, _ = _data_or_world(data, None)
    file = (out or folder.with_name(f"{folder.name}-report.html")).resolve()
    if file.is_dir():
        raise BuildError(f"{file} is a folder, expected the name of a file for the report")
    console = Console(stderr=True)
    target = Path(os.path.realpath(build_in or paths.build_dir()))
    _refuse_target(target, folder)
    there = workflow.last(target)
    with tempfile.TemporaryDirectory(prefix="endomtor-report-") as scratch:
        if build_in is None and (there is None or there.data != str(folder)):
            target = Path(scratch)
            console.print("No build of these data is at hand: the chapters are executed in a temporary folder.")
        settings = workflow.Settings(
            root=str(paths.root()), build=str(target), data=str(folder), missing=_public_files(offline, console)
        )
        workflow.build(settings, jobs=jobs or _processors(), console=console, site=False)
        text = report.html(settings)
    try:
        files.write_text(file, text)
    except OSError as fault:
        raise BuildError(f"{file}: expected a place that can be written ({fault.strerror or fault})") from fault
    print(f"The report is at {file}")


@app.command()
def simulate(
    world: Annotated[
        str,
        typer.Option(
            "--world", metavar="NAME", help="A world of `data/worlds/`.", show_default=False, autocompletion=_worlds
        ),
    ],
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="The same seed gives the same tables.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The data directory to write.", show_default=False)],
    debug: Debug = False,
) -> None:
    """Draw a complete data directory from a declared world.

    Example: `endomtor simulate --world bystander --seed 7 --out bystander-7`
    """
    from endomtor import worlds

    print(worlds.simulate(world, seed=seed, out=out))


@app.command()
def calibrate(
    cohorts: Annotated[
        int | None,
        typer.Option("--cohorts", metavar="N", min=1, help="Per scenario.  [default: data/calibration.toml]"),
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option("--scenario", metavar="NAME", help="One of the plan; may be repeated.")
    ] = None,
    part: Annotated[
        list[str] | None, typer.Option("--part", metavar="PART", help="`tables` or `expression`; may be repeated.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Processes.  [default: one for each processor]")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write every rate as CSV.")] = None,
    freeze: Annotated[bool, typer.Option("--freeze", help="Keep the rates in `data/derived/`.")] = False,
    debug: Debug = False,
) -> None:
    """Count how often the analyses would be wrong, over many simulated cohorts.

    Example: `endomtor calibrate --cohorts 100 --scenario null`
    """
    from endomtor import calibration, files

    for name in part or ():
        if name not in calibration.PARTS:
            raise EndomtorError(f"there is no part {name!r}; {_nearest(name, list(calibration.PARTS))}")
    found = calibration.calibrate(
        cohorts, scenarios=scenario, parts=part or calibration.PARTS, jobs=jobs or _processors(), progress=True
    )
    if out is not None:
        files.write_text(out, files.table_text(found.table, float_format="%.6g"))
    if freeze:
        calibration.freeze(found)
    _print_rates(found)


@app.command()
def sweep(
    grid: Annotated[Path, typer.Argument(metavar="GRID", help="A grid, as in `data/sweeps/`.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The result.  [default: _build/sweeps/GRID.parquet]")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", min=1, help="Processes, or jobs of a profile.  [default: all processors]"),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="DIR", help="Run through Snakemake: a profile's folder, or `slurm`."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Run analyses over worlds, parameters and seeds into one Parquet file; a sweep that was cut off goes on.

    Example: `endomtor sweep data/sweeps/power.toml`
    """
    from endomtor import sweep

    file = out or paths.build_dir() / "sweeps" / f"{grid.stem}.parquet"
    place = sweep.profile_of(profile) if profile is not None else None
    # A profile says itself how many jobs run side by side.
    side_by_side = jobs or (None if place else _processors())
    table = sweep.sweep(grid, file, jobs=side_by_side, profile=place, progress=True)
    print(f"{file}: {len(table):,} rows")


@app.command()
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names from `--list`; after --paper a PubMed id.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every file of the registry.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="Say what there is, and what is here.")] = False,
    paper: Annotated[
        bool, typer.Option("--paper", help="Ask NCBI which GEO series belong to the paper, and what they hold.")
    ] = False,
    geo: Annotated[
        str | None,
        typer.Option("--geo", metavar="GSE", help="Make a data directory of one series, for you to complete."),
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="FILE", help="With --geo: which of its files holds the counts.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="With --geo: where to.  [default: its accession]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --list or --paper: print JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Download others' published data, checked by sha256.

    Example: `endomtor fetch --all`
    """
    from endomtor import public

    if listing + everything + paper + (geo is not None) + (bool(names) and not paper) != 1:
        raise typer.BadParameter("give names, or --all, --list, --paper or --geo", param_hint="NAME")
    if paper and len(names or []) > 1:
        raise typer.BadParameter("one PubMed id is asked for", param_hint="--paper")
    if as_json and not (listing or paper):
        raise typer.BadParameter("it goes with --list or --paper", param_hint="--json")
    if (file is not None or out is not None) and geo is None:
        raise typer.BadParameter("they go with --geo", param_hint="--file, --out")
    if listing:
        _list_public(public.downloads(), as_json)
    elif paper:
        _list_paper(*(names or []), as_json=as_json)
    elif geo is not None:
        _draft_geo(geo, file, out)
    else:
        for path in public.fetch(names or list(public.load()), progress=True).values():
            print(path)


@app.command()
def claims(
    as_json: Annotated[bool, typer.Option("--json", help="Print `ledger.json` as it is.")] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Exit 1 when a verdict is not what the world or the frozen public result demands."
        ),
    ] = False,
    freeze: Annotated[
        bool, typer.Option("--freeze", help="Keep the premises' verdicts in `data/derived/`, for `--strict`.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Show the ledger of the last build.

    Example: `endomtor claims --strict`
    """
    from endomtor import ledger
    from endomtor.claims import premises

    built = ledger.read(paths.build_dir())
    if freeze:
        premises.freeze(built)
    if as_json:
        sys.stdout.buffer.write((paths.build_dir() / "ledger.json").read_bytes())
        sys.stdout.flush()
    else:
        from endomtor.views import terminal

        terminal.show(built)
    faults = ledger.strict_faults(built) if strict else []
    if faults:
        raise EndomtorError("\n".join(faults))


@app.command()
def changes(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A `ledger.json` or a build folder.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The one to compare with it.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print every change as JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a comment for a pull request.")] = False,
    rtol: Annotated[
        float, typer.Option("--rtol", metavar="X", min=0, help="Values that move by less are the same.")
    ] = 1e-8,
    debug: Debug = False,
) -> None:
    """Say which verdicts and values moved from one ledger to another; exit 1 when any did.

    Example: `endomtor changes _build bystander/ledger.json`
    """
    from endomtor.views import changes

    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown exclude each other", param_hint="--json")
    found = changes.compare(changes.read(old), changes.read(new), rtol=rtol)
    if as_json:
        print(changes.as_json(found))
    elif as_markdown:
        print(changes.markdown(found), end="")
    else:
        print(changes.text(found))
    if not found.same:
        raise EndomtorError(f"{old} and {new} differ: {_count(len(found.found), 'change')}, listed on stdout")


def _data_or_world(data: Path | None, world: str | None) -> tuple[Path | None, str]:
    """Return the data directory or None, and the world."""
    if data is not None and world is not None:
        raise typer.BadParameter("--data and --world exclude each other", param_hint="--data")
    if data is None:
        name = world or "paper"
        # By the names in the folder: a name with a path in it would lead elsewhere.
        if name not in {path.stem for path in (paths.data() / "worlds").glob("*.toml")}:
            from endomtor import worlds

            worlds.load(name)
        return None, name
    if not data.is_dir():
        raise EndomtorError(f"{data} is not a folder, expected a data directory with a dataset.toml")
    return data.resolve(), "paper"


def _refuse_target(target: Path, folder: Path | None) -> None:
    """Raise `BuildError` for a build folder in which a build would write over something else."""
    if target.exists() and not target.is_dir():
        raise BuildError(f"{target} is a file, expected a folder to build in")
    root = paths.root().resolve()
    if target == root or target in root.parents:
        raise BuildError(f"{target} holds the book itself, expected a folder of its own to build in")
    if folder is not None and folder.is_relative_to(target):
        raise BuildError(
            f"the data in {folder} lie inside the build folder {target}, which a build empties: expected them elsewhere"
        )


def _public_files(offline: bool, console) -> list[str]:
    from endomtor import public

    missing = public.prepare(offline=offline)
    if missing:
        console.print("Some public files are not here; the book shows tables that were computed from them before:")
        for sentence in missing:
            console.print(f"  {sentence}", highlight=False, markup=False, soft_wrap=True)
    return missing


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parameter(text: str) -> tuple[str, object]:
    """Read `NAME=VALUE` (see `_joined`) with the value as a number, a truth value or a text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("a name and a value are needed", param_hint="-p")
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, {"true": True, "false": False}.get(value.lower(), value)


def _nearest(name: str, known: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known) or 'none: it takes none'}."


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _list_public(downloads: list[dict], as_json: bool) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    if as_json:
        print(json.dumps(downloads, indent=2, ensure_ascii=False))
        return
    table = Table("Name", "State", "MB", "Licence", "Cite", box=None)
    for entry in downloads:
        cite = "; ".join(work["short"] for work in entry["citations"])
        table.add_row(entry["name"], entry["state"], f"{entry['bytes'] / 1e6:.2f}", entry["licence"], cite)
    for column in table.columns[:3]:
        column.no_wrap = True
    Console().print(table)


def _list_paper(pmid: str | None = None, *, as_json: bool) -> None:
    import dataclasses
    import json

    from endomtor.public import geo, ncbi

    pmid = pmid or ncbi.PAPER
    if not os.environ.get("NCBI_EMAIL"):
        print("NCBI asks who is asking: set NCBI_EMAIL to your address.", file=sys.stderr)
    found = [(series, geo.record(series.accession)) for series in ncbi.series_of(pmid)]
    if as_json:
        shown = [{**dataclasses.asdict(series), "files": list(record.addresses)} for series, record in found]
        print(json.dumps({"pmid": pmid, "series": shown}, indent=2, ensure_ascii=False))
        return
    for series, record in found:
        print(f"{series.accession}  {series.title}")
        print(f"  {series.organism}, {_count(series.samples, 'sample')}, {series.kind}, {series.date}")
        for address in record.addresses:
            print(f"  {address}")
    if found:
        print("`endomtor fetch --geo GSE...` makes a data directory of one of them.")
    else:
        print(f"PubMed {pmid}: NCBI links no GEO series to it.")


def _draft_geo(accession: str, file: str | None, out: Path | None) -> None:
    from endomtor.public import geo, ncbi

    folder = out or Path(ncbi.accession_of(accession))
    for note in geo.draft(accession, folder, file=file, progress=True).notes:
        print(note)
    print(f"{folder}: complete hspc_samples.csv as its README.md says, then `endomtor check {folder}`.")


def _print_rates(found) -> None:
    from rich.console import Console
    from rich.table import Table

    from endomtor.calibration import rates

    console = Console()
    levels = found.table[found.table["nominal"].notna()]
    beyond = levels[levels["judgement"] == rates.BEYOND]
    if len(beyond):
        table = Table("Scenario", "Prediction", "Measure", "%", "Nominal", "Limit", "Cohorts", box=None)
        for row in beyond.itertuples():
            numbers = (f"{100 * value:.1f}" for value in (row.rate, row.nominal, row.limit))
            table.add_row(row.scenario, row.id, row.measure, *numbers, str(row.of))
        console.print(table)
    console.print(f"{len(beyond)} of {_count(len(levels), 'rate')} lie beyond their limit.", highlight=False)


def _joined(arguments: list[str]) -> list[str]:
    """Turn `-p NAME VALUE` into `-p NAME=VALUE`: an option that repeats takes one value in Typer."""
    joined: list[str] = []
    rest = iter(arguments)
    for word in rest:
        joined.append(word)
        if word == "-p":
            pair = [text for text in (next(rest, None), next(rest, None)) if text is not None]
            if pair:
                joined.append("=".join(pair))
    return joined


def main(arguments: list[str] | None = None) -> None:
    """Run the command line: exit 0 when done, 1 with one clear message on stderr, 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        # The name of a file need not be Unicode, and a terminal need not speak UTF-8.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with children.stopped_in_order():
            app(_joined(sys.argv[1:] if arguments is None else arguments), prog_name="endomtor")
    except (EndomtorError, OSError) as error:
        if os.environ.get("ENDOMTOR_DEBUG"):
            traceback.print_exc()
        else:
            print(f"endomtor: {_of_system(error) if isinstance(error, OSError) else error}", file=sys.stderr)
        sys.exit(1)


def _of_system(error: OSError) -> str:
    """Say what the operating system refused: a full disk, a folder that may not be written, a name that is too long."""
    reason = " ".join((error.strerror or str(error)).split())
    if error.filename is None:
        return f"the system refused something that the command needs ({reason})"
    return f"{error.filename}: expected a place that can be used ({reason})"
