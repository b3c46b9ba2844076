"""Fixtures that several test files share."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console

from endomtor import public
from endomtor.building import performance, workflow

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import browser as headless  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `make baselines` and `make kills`."""
    parser.addoption("--redraw-baselines", action="store_true", help="keep the pictures that test_baselines.py draws")
    parser.addoption("--keep-measured", metavar="DIR", help="keep what tests measure, as book/performance does")


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Callable[[str, str, list[performance.Row]], None]:
    """What a test measured, for the page "Performance"; it is written only when pytest is told where."""
    folder = request.config.getoption("--keep-measured")

    def written(name: str, title: str, rows: list[performance.Row]) -> None:
        if folder:
            performance.keep(name, title, rows, Path(folder))

    return written


def skip_or_fail(reason: str) -> None:
    """Skip the test at hand, or fail it where `ENDOMTOR_REQUIRE_BROWSER=1` says that browser and Node must be there."""
    if os.environ.get("ENDOMTOR_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and ENDOMTOR_REQUIRE_BROWSER is set", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[headless.webdriver.Chrome]:
    """A headless browser for the whole session; tests leave it as they like and begin with their own `get`."""
    for name, path in zip(("chromium", "chromedriver"), headless.programs(), strict=True):
        if path is None:
            skip_or_fail(f"{name} is not installed")
    with headless.browsing(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


def some_quick(values: Iterable, quick: Container) -> list:
    """Return parameters of a test of which only those in `quick` belong to the quick tests."""
    return [pytest.param(value, marks=() if value in quick else pytest.mark.slow) for value in values]


def until(met: Callable[[], object], seconds: float = 5):
    """Return the first true answer of `met`, or its last one when the time is over."""
    end = time.monotonic() + seconds
    while not (answer := met()) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


def at_work(mark: str) -> list[str]:
    """Return the command lines of the processes alive that have `NAME=VALUE` in their environment, in any group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_text().replace("\0", " ")[:200])
        except OSError:
            continue
    return found


def unlike(kept: Path, drawn: bytes, tolerance: float, folder: Path, remedy: str) -> str:
    """Return in what a picture differs from the kept one, as a sentence; empty where it does not.

    Parameters
    ----------
    kept : Path
        A PNG of the repository.
    drawn : bytes
        The new one, which is written into `folder` under the same name, with the difference beside it.
    tolerance : float
        Root mean square, of 255, over all pixels and channels.
    remedy : str
        The command that draws the kept one again.
    """
    # Not at the top: most tests need no matplotlib.
    from matplotlib.testing.compare import compare_images
    from matplotlib.testing.exceptions import ImageComparisonFailure

    new = folder / kept.name
    new.write_bytes(drawn)
    if not kept.is_file():
        return f"{kept} is not there, {new} would be it: run `{remedy}`."
    try:
        found = compare_images(kept, new, tolerance, in_decorator=True)
    except ImageComparisonFailure as error:
        return f"{new} differs from {kept} in its size ({error}): if that is meant, run `{remedy}`."
    if found is None:
        return ""
    far = f"by {found['rms']:.2f} RMS, expected at most {tolerance}"
    return f"{new} differs from {kept} {far} (where: {found['diff']}): if that is meant, run `{remedy}`."


@pytest.fixture(scope="module")
def shell() -> Iterator[None]:
    """Something that receives what is published, as `capture_output` needs; it writes no history file."""
    # Not at the top: most tests need neither.
    import matplotlib.pyplot as plt
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    InteractiveShell.clear_instance()
    InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    yield
    InteractiveShell.clear_instance()
    plt.close("all")


def node_modules(folder: Path, package: str) -> Path:
    """Have npm install one package of `package.json`, in the version that stands there, and return where it is."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            skip_or_fail(f"{program} is not installed")
    version = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"][package]
    install = ["npm", "install", "--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    ran = subprocess.run([*install, f"{package}@{version}"], cwd=folder, capture_output=True, text=True)
    if ran.returncode:
        skip_or_fail(f"npm cannot install {package}: {ran.stderr.strip()[-300:]}")
    return folder / "node_modules"


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """A function that serves a folder on loopback until the session ends and returns its address."""
    with ExitStack() as stack:
        yield lambda folder: stack.enter_context(headless.serving(folder))


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder that `ENDOMTOR_MIRROR` names: public originals, laid out as their addresses are."""
    value = os.environ.get("ENDOMTOR_MIRROR")
    if not value:
        pytest.skip("ENDOMTOR_MIRROR is not set: no public originals at hand")
    if not Path(value).is_dir():
        pytest.skip(f"ENDOMTOR_MIRROR is {value}, which is not a folder")
    return Path(value)


def build_book(out: Path, *options: str, offline: bool = True) -> Path:
    """Run `endomtor build` as a user does, into `out`, and return it; frozen public tables unless told otherwise."""
    command = [str(Path(sys.executable).with_name("endomtor")), "build", "--out", str(out), *options]
    command += ["--offline"] if offline else []
    # A build takes one minute; one that hangs must not take the whole run with it.
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return out


def built_once(tmp_path_factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """Build the book once for all processes that run tests side by side; the others wait for the first."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    out = shared / name / "book"
    with open(shared / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = out.with_name("ended")
        if not ended.is_file():
            out.parent.mkdir(exist_ok=True)
            # What a first build could not do, no other will: it is not tried again for each test.
            ended.write_text("it did not come to its end")
            build(out)
            ended.write_text("")
    assert not ended.read_text(), f"the book {name} could not be built; the first test that asked for it says why"
    return out


@pytest.fixture(scope="session")
def built_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book, built in world `paper` with seed 1; the folder has the layout of `_build`. Tests only read it."""
    return built_once(tmp_path_factory, "paper", build_book)


def build_to_ledger(out: Path, world: str, seed: int = 1) -> Path:
    """Execute all chapters of the book in a world and write the ledger; no pages: they take half a minute more."""
    settings = workflow.Settings(
        root=str(ROOT), build=str(out), world=world, seed=seed, missing=public.prepare(offline=True)
    )
    workflow.build(settings, jobs=2, console=Console(quiet=True), site=False)
    return out


@pytest.fixture(scope="session")
def bystander_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All chapters and the ledger of world `bystander`, in which only the first claim is true. Tests only read it."""
    return built_once(tmp_path_factory, "bystander", lambda out: build_to_ledger(out, "bystander"))


def recorded(name: str, dataset):
    """A chapter with all that its analysis answers on a data set on record, without its notebook."""
    from endomtor.analyses import CHAPTERS
    from endomtor.chapter import Chapter

    chapter = Chapter(name, dataset)
    for evidence_id, answer in CHAPTERS[name].answers(dataset.tables).items():
        chapter.record(evidence_id, answer.estimate)
    return chapter
