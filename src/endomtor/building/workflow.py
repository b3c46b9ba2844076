"""Building the whole book: what Snakemake is told, and what the user sees of it.

Light to import: the command line, Snakemake's process and every job load this module.
"""

import difflib
import fcntl
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from endomtor import children, files, snakemake
from endomtor.building import forks
from endomtor.errors import BuildError

# A job's line that begins with this is news for the user; every other line goes to the log.
NEWS = "@endomtor "
LEDGER = ("ledger.json", "ledger.csv", "claims.csv", "codecheck.yml", "ro-crate-metadata.json")
"""The ledger and its exports, relative to the build folder."""
LEDGER_OF_PAGES = "site-goes-by/ledger.json"
"""A copy of the ledger that is written only where it differs: by its time the site sees which pages to read again."""
INTERACTIVE = "interactive-parts"
"""Folder of the build that holds, for each chapter, a folder with the data of its interactive parts."""
FINISHED = "finished.txt"
"""What the last whole build and its pages rest on and have made, relative to the build folder; see `_goes_by`."""

PACKAGE = Path(__file__).resolve().parents[1]
_AHEAD = 2.0
"""Seconds by which the clock of a file server may be ahead."""
_SHOWN = ("scanpy", "pandas", "pydeseq2", "statsmodels", "scipy", "numpy", "seaborn", "papermill", "snakemake")
# Which part of the package each layer of a build rests on: one list a layer, since all chapters together take a minute.
# A test looks that nothing in a list imports what is outside.
_OF_DATA = (
    *("contract", "worlds", "stats", "claims"),
    *(f"{name}.py" for name in ("cells", "errors", "estimate", "files", "genes", "paths", "provenance")),
)
_NOT_OF_CHAPTERS = {"building", "views", "cli.py", "snakemake.py", "sweep.py"}
_ALSO_OF_CHAPTERS = (
    *("views/boxes.py", "views/__init__.py"),
    *(f"building/{name}.py" for name in ("execute", "forks", "provisioner", "executed")),
)
_OF_INTERACTIVE = ("figures", "building/figure_data.py", "building/interactive.py")


@dataclass(frozen=True)
class Settings:
    """What one build is about; Snakemake and its jobs read it from a JSON file.

    Attributes
    ----------
    root, build : str
        Absolute paths of the book and of the build folder.
    world, seed : str, int
        The simulated world; not used when `data` is given.
    data : str or None
        Absolute path of a data directory, read in place.
    missing : list[str]
        A sentence for each public file that could not be had: with it, the frozen tables are shown.
    changed_analysis : bool
        Whether a chapter may record what is not the calibrated analysis; each such record is marked.
    """

    root: str
    build: str
    world: str = "paper"
    seed: int = 1
    data: str | None = None
    missing: list[str] = field(default_factory=list)
    changed_analysis: bool = False

    @property
    def dataset(self) -> Path:
        """The data directory of this build."""
        return Path(self.data) if self.data else Path(self.build) / "data" / f"{self.world}-{self.seed}"

    @property
    def parameters(self) -> dict[str, object]:
        """What papermill puts into each notebook."""
        return {"data_dir": str(self.dataset), "world": self.world, "seed": self.seed}

    @property
    def file(self) -> Path:
        """Where the settings of a build are written."""
        return Path(self.build) / "settings.json"

    @property
    def dataset_is_there(self) -> str:
        """The file, relative to the build folder, that says that the data set is complete and keeps the contract."""
        return "data/checked.txt" if self.data else f"data/{self.world}-{self.seed}/dataset.toml"

    def notebook(self, chapter: str) -> Path:
        """The committed notebook of a chapter."""
        return Path(self.root) / "notebooks" / f"{chapter}.ipynb"

    def chapters(self) -> list[str]:
        """The chapters of the book, by number."""
        return sorted(path.stem for path in (Path(self.root) / "notebooks").glob("[0-9][0-9]_*.ipynb"))

    def read_by(self, chapter: str) -> list[str]:
        """The chapters whose evidence a chapter reads: for the synthesis, all that come before it."""
        return [one for one in self.chapters() if one < chapter] if chapter.endswith("_synthesis") else []

    def priority(self, chapter: str) -> int:
        """How early a chapter is to run: first what others wait for, the longest of it first."""
        waited_for = any(chapter in self.read_by(other) for other in self.chapters())
        return self.notebook(chapter).stat().st_size * (1000 if waited_for else 1)

    def chapter(self, name: str) -> str:
        """Return the chapter that `name` means: `03_ecko_phenotypes`, `03` or `3`.

        Raises
        ------
        BuildError
            There is none; names the nearest.
        """
        known = self.chapters()
        number = name.zfill(2) if name.isdecimal() else name
        for chapter in known:
            if chapter == name or chapter.split("_")[0] == number:
                return chapter
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.3)
        hint = (
            f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(known) or 'none: there are none'}."
        )
        raise BuildError(f"there is no chapter {name!r}; {hint}")

    def save(self) -> None:
        """Write the settings to `file`."""
        files.write_text(self.file, json.dumps(asdict(self), indent=2) + "\n")

    def command(self, *words: str) -> list[str]:
        """Return the command of a job."""
        return forks.forked("endomtor.building.jobs:main", str(self.file), *words)

    def job(self, *words: str) -> str:
        """Return the command of a job as a rule takes it."""
        return snakemake.escaped(shlex.join(self.command(*words)))

    def data_files(self) -> list[tuple[str, int, int]]:
        """Name, size and time of the files of a laboratory's data; empty for a simulated world.

        They may be large. What their bytes are is looked at when the data are checked again, and chapters depend on the
        sum that the check has left.
        """
        if not self.data:
            return []
        # Folders are no tables, and editors leave links that lead nowhere.
        stats = [(path.name, path.stat()) for path in sorted(Path(self.data).iterdir()) if path.is_file()]
        return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]

    def data_hash(self) -> str:
        """Fingerprint of what the data set depends on."""
        root = Path(self.root)
        depends = [*_in_package(_OF_DATA), PACKAGE / "building" / "jobs.py", root / "data", root / "requirements.lock"]
        return fingerprint(depends, self.data, self.world, self.seed, self.data_files())

    def chapter_hash(self, chapter: str) -> str:
        """Fingerprint of what the execution of a chapter depends on: a change means that it must run again."""
        root = Path(self.root)
        depends = [self.notebook(chapter), root / "data", root / "requirements.lock", *code_of_chapters()]
        return fingerprint(depends, self.parameters, self.missing, self.changed_analysis, sys.version)

    def state_of(self, chapter: str) -> str:
        """Fingerprint of all that an executed chapter was made from, its data set included; see `chapter_hash`."""
        return fingerprint([Path(self.build) / self.dataset_is_there], self.chapter_hash(chapter))

    def interactive_hash(self) -> str:
        """Fingerprint of what the data of interactive parts depends on besides the executed chapter."""
        return fingerprint([Path(self.root) / "requirements.lock", *_in_package(_OF_INTERACTIVE)])

    def ledger_hash(self) -> str:
        """Fingerprint of what the ledger and its exports depend on besides the evidence."""
        return fingerprint([Path(self.root) / "CITATION.cff", PACKAGE], self.data_hash())

    def site_hash(self) -> str:
        """Fingerprint of what the site depends on besides executed notebooks and the ledger."""
        root = Path(self.root)
        depends = [
            root / name for name in ("book", "_config.yml", "_toc.yml", "CITATION.cff", "data", "requirements.lock")
        ]
        addresses = [os.environ.get(name) for name in ("ENDOMTOR_SITE_URL", "ENDOMTOR_REPOSITORY_URL")]
        return fingerprint([*depends, PACKAGE], revision(root), addresses)


def _in_package(names: Iterable[str]) -> list[Path]:
    return [PACKAGE / name for name in names]


def code_of_chapters() -> list[Path]:
    """Return the files and folders of the package that an executed chapter rests on, those that execute it included."""
    own = [place for place in sorted(PACKAGE.iterdir()) if place.name not in _NOT_OF_CHAPTERS]
    return [*own, *_in_package(_ALSO_OF_CHAPTERS)]


def fingerprint(places: Iterable[Path], *values: object) -> str:
    """Return a sha256 over the bytes and names of files, and of all files in folders, and over the values.

    Names count relative to the place, so that a copy of the book elsewhere has the same fingerprint.
    """
    digest = hashlib.sha256()
    for place in places:
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in inside:
            if path.is_file() and not path.name.startswith(".") and "__pycache__" not in path.parts:
                name = path.relative_to(place.parent).as_posix()
                digest.update(f"{name}\0{files.sha256_of(path)}\n".encode())
    digest.update(repr(values).encode())
    return digest.hexdigest()


def revision(root: Path) -> str:
    """Return the commit of the book, with `-dirty` when files were changed since; empty outside a repository."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def build_date() -> datetime:
    """Return the time of the build in UTC, or `SOURCE_DATE_EPOCH` when set, so that a rebuild gives the same bytes.

    Raises
    ------
    BuildError
        `SOURCE_DATE_EPOCH` is no number of seconds.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BuildError(f"SOURCE_DATE_EPOCH is {epoch[:40]!r}, expected seconds since 1970 as an integer") from error


def build_folder(root: Path) -> Path:
    """Return the build folder that the pages show: `ENDOMTOR_BUILD` when set, else `_build` beside `_toc.yml`."""
    return Path(os.environ.get("ENDOMTOR_BUILD") or Path(root) / "_build")


def shown_versions() -> str:
    """Return the versions of the packages that most numbers come from, for a page."""
    return ", ".join(f"{name} {version(name)}" for name in _SHOWN)


def last(build: Path) -> Settings | None:
    """Return the settings of the last build in a folder, None where there is none that can be read."""
    try:
        return Settings(**json.loads((build / "settings.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def build(settings: Settings, *, jobs: int, console, site: bool = True, keep_going: bool = False) -> None:
    """Build the book: data set, chapters, ledger, site; only what is not up to date.

    Parameters
    ----------
    jobs : int
        Chapters to run side by side.
    console : rich.console.Console
        Gets a line for each chapter.
    site : bool
        Without it, the ledger and its exports are the last that is made.
    keep_going : bool
        When a chapter fails, run those that do not need it all the same.

    Raises
    ------
    BuildError
        A job failed. What did not depend on it is kept, and the last good site is as it was.
    """
    # Its faults are better known now than when the ledger is written.
    build_date()
    folder = Path(settings.build)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder, console) as lock:
        settings.save()
        _sweep(settings)
        _leave_the_future(folder)
        data, goes_by, finished = settings.data_files(), _goes_by(settings), folder / FINISHED
        standing = _standing(settings, goes_by)
        kept = finished.read_text(encoding="utf-8").split() if site and finished.is_file() else []
        if kept == standing:
            _report_unchanged(settings, set(), console)
            return
        finished.unlink(missing_ok=True)
        # Snakemake takes two seconds to say that all but the pages is as it was.
        only_pages = kept[:1] == standing[:1]
        told_snakemake = folder / "site" / "drawn.txt"
        if only_pages or not (folder / "html" / "index.html").is_file():
            told_snakemake.unlink(missing_ok=True)
        log = folder / "build.log"
        log.unlink(missing_ok=True)
        done: set[str] = set()
        # Snakemake reads the Snakefile through a copy; one that stayed would hide a change.
        with (
            tempfile.TemporaryDirectory(dir=folder, prefix=".sources.") as copies,
            children.scratch(folder) as scratch,
            forks.offered(
                os.environ | {"TMPDIR": str(scratch)} | _caches(scratch), soon=not only_pages
            ) as surroundings,
        ):
            commands = [
                _snakemake(settings, jobs, copies, *wanted)
                for wanted in _stages(settings, again=bool(kept), site=site, keep_going=keep_going)
            ]
            for command in [settings.command("site")] if only_pages else commands:
                status, failures, ended = _run(
                    command, surroundings, folder=settings.root, lock=lock, console=console, log=log
                )
                done |= ended
                if status or failures:
                    break
        if status or failures:
            raise BuildError(
                "\n".join(failures) or f"Snakemake could not build the book; see {log}:\n{snakemake.tail(log)}"
            )
        if only_pages:
            # It does not know of this drawing, and would take an earlier state of the pages for the one that is drawn.
            told_snakemake.unlink()
        if settings.data_files() != data:
            raise BuildError(
                f"{settings.data}: files changed while the book was built from them, expected them to rest: build again"
            )
        if _goes_by(settings) != goes_by:
            console.print("  Files of the book changed while it was built: build again to have all of them in.")
        if site:
            # With what it began with: what changed meanwhile is looked at by the next build.
            files.write_text(finished, "\n".join(_standing(settings, goes_by)))
    _report_unchanged(settings, done, console)


def _run(
    command: list[str], environment: dict, *, folder: str, lock: int, console, log: Path
) -> tuple[int, list[str], set[str]]:
    """Run Snakemake or a job to its end, as the user sees it; return its exit status, failures and finished jobs."""
    heard = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with children.started(command, environment=environment, cwd=folder, pass_fds=[lock], **heard) as process:
        failures, done = _report(process.stdout, console, log)
    return process.returncode, failures, done


def _stages(settings: Settings, *, again: bool, site: bool, keep_going: bool) -> list[list[str]]:
    """Return what Snakemake is asked for, one time after the other.

    Before a run it can only think that new evidence will be other evidence. So where a whole book is there, the
    chapters that wait for no other come first: where their evidence is as it was, by its checksum, nothing that reads
    it runs.
    """
    whole = [*(() if site else LEDGER), *(("--keep-going",) if keep_going else ())]
    # What failed in the first stage would be tried again in the second.
    if not again or keep_going:
        return [whole]
    return [[f"evidence/{chapter}.json" for chapter in settings.chapters() if not settings.read_by(chapter)], whole]


def _goes_by(settings: Settings) -> list[str]:
    """Return fingerprints of all that a build goes by: all but pages, and pages.

    Any code or data counts: more than a chapter depends on, and looked through once.
    """
    root = Path(settings.root)
    places = [settings.file, root / "workflow" / "Snakefile", root / "requirements.lock"]
    notebooks = map(settings.notebook, settings.chapters())
    return [fingerprint([*places, *notebooks], settings.ledger_hash(), sys.version), settings.site_hash()]


def _standing(settings: Settings, goes_by: list[str]) -> list[str]:
    """Return what a build goes by with, by size and time, what it has made: without pages, and pages."""
    build = Path(settings.build)

    def made(*names: str) -> list:
        stats = [(name, (build / name).stat()) for name in names if (build / name).exists()]
        return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]

    book, pages = goes_by
    of_chapters = ("executed/notebooks/{}.ipynb", "evidence/{}.json", f"{INTERACTIVE}/{{}}")
    outputs = [name.format(one) for one in settings.chapters() for name in of_chapters]
    outputs += [settings.dataset_is_there, *LEDGER]
    return [fingerprint([], book, made(*outputs)), fingerprint([], pages, made("html/index.html"))]


def _report_unchanged(settings: Settings, done: set[str], console) -> None:
    for chapter in settings.chapters():
        if chapter not in done:
            console.print(f"  {chapter:<30} unchanged")


def _snakemake(settings: Settings, jobs: int, copies: str, *further: str) -> list[str]:
    command = forks.forked("snakemake.cli:main", *further)
    command += ["--snakefile", str(Path(settings.root) / "workflow" / "Snakefile")]
    command += ["--runtime-source-cache-path", copies]
    command += ["--directory", settings.build, "--configfile", str(settings.file), "--cores", str(jobs)]
    # Our own lock replaces Snakemake's, which a killed build would leave behind.
    command += ["--nolock", "--rerun-incomplete", "--scheduler", "greedy", "--nocolor"]
    return [*command, "--rerun-triggers", "mtime", "params", "input", "code"]


@contextmanager
def _alone(folder: Path, console) -> Iterator[int]:
    """Hold the build folder; a second build waits and says for whom.

    Snakemake inherits the lock: should a build be killed, it is free when that has ended as well, which is at once.
    """
    with open(folder / ".lock", "a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            whose = stream.read() or "which has just begun"
            console.print(f"Another build is at work in {folder} ({whose}): waiting for it.", soft_wrap=True)
            fcntl.flock(stream, fcntl.LOCK_EX)
        stream.truncate(0)
        began = datetime.now().astimezone().isoformat(" ", timespec="seconds")
        stream.write(f"process {os.getpid()} on {platform.node()} since {began}; `kill {os.getpid()}` ends it")
        stream.flush()
        yield stream.fileno()


def _caches(scratch: Path) -> dict[str, str]:
    """Return where libraries may keep caches, where the user's own folder cannot be written: Snakemake insists."""
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        own.mkdir(parents=True, exist_ok=True)
        if os.access(own, os.W_OK):
            return {}
    except OSError:
        pass
    return {"XDG_CACHE_HOME": str(scratch)}


def _sweep(settings: Settings) -> None:
    """Remove what belongs to no chapter any more and what a killed build has left half done."""
    for half_done in (".sources.*", ".html.*", "data/.*", "executed/notebooks/.*"):
        for path in Path(settings.build).glob(half_done):
            shutil.rmtree(path, ignore_errors=True)
    chapters = set(settings.chapters())
    for folder in ("evidence", "executed/notebooks", "executed/run-times", "failed", INTERACTIVE):
        for path in (Path(settings.build) / folder).glob("[0-9][0-9]_*"):
            if path.stem not in chapters:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _leave_the_future(build: Path) -> None:
    """Let no file be newer than now: after a clock was set back, Snakemake would take what it makes for outdated."""
    now = time.time()
    for path in build.rglob("*"):
        if path.lstat().st_mtime > now + _AHEAD:
            os.utime(path, (now, now), follow_symlinks=False)


def _report(lines: Iterable[str], console, log: Path) -> tuple[list[str], set[str]]:
    """Show the jobs' news as it comes and write the rest to the log; return failures and finished jobs."""
    failures: list[str] = []
    done: set[str] = set()
    running: dict[str, None] = {}
    debug = bool(os.environ.get("ENDOMTOR_DEBUG"))
    with open(log, "a", encoding="utf-8") as stream, console.status("looking for what has changed") as status:
        for line in lines:
            news = _news(line)
            if news is None:
                stream.write(line)
                if debug:
                    console.print(line, end="", markup=False, highlight=False, soft_wrap=True)
                continue
            job = news["job"]
            if news["state"] == "running":
                running[job] = None
            else:
                running.pop(job, None)
                console.print(f"  {job:<30} {news['state']:<9} {news['seconds']:6.1f} s", highlight=False)
                if news["state"] == "failed":
                    failures.append(news["message"])
                else:
                    done.add(job)
            status.update(f"running {', '.join(running)}" if running else "going on")
    return failures, done


def _news(line: str) -> dict | None:
    """Return the news in a line, wherever it begins; None where there is none."""
    _, found, text = line.partition(NEWS)
    try:
        return json.JSONDecoder().raw_decode(text)[0] if found else None
    except ValueError:
        return None
