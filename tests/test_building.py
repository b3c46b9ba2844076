"""A small book is built for real: papermill, Snakemake, Jupyter Book."""

import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import jsonschema
import nbformat
import pytest
from rich.console import Console

from endomtor import cli, ledger
from endomtor.building import accessibility, forks, sphinx_extension, workflow
from endomtor.building.site import render
from endomtor.building.workflow import Settings, fingerprint
from endomtor.errors import BuildError

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ("01_one", "02_two")


def small_book(root: Path) -> Path:
    """Copy the book of `tests/fixtures` to `root`, with the real data folder and workflow."""
    shutil.copytree(ROOT / "tests" / "fixtures" / "book", root)
    for folder in ("data", "workflow"):
        shutil.copytree(ROOT / folder, root / folder)
    return root


def build(root: Path, *, keep_going: bool = False, **changes) -> str:
    """Build the small book and return what the user sees."""
    shown = io.StringIO()
    settings = Settings(**{"root": str(root), "build": str(root / "_build"), **changes})
    workflow.build(settings, jobs=2, console=Console(file=shown, width=200), keep_going=keep_going)
    return shown.getvalue()


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def edit(root: Path, chapter: str, old: str, new: str) -> None:
    """Change the source of a notebook."""
    path = root / "notebooks" / f"{chapter}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert any(old in cell.source for cell in notebook.cells)
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module", autouse=True)
def plain_kernels():
    """The notebooks of the small book import nothing heavy: a server that does is not worth its start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(forks.PLAIN, "1")
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A small book, in a folder with a blank in its name, built once; the tests below change it one after another."""
    root = small_book(tmp_path_factory.mktemp("a") / "small book")
    shown = build(root)
    for job in ("data", *CHAPTERS, "ledger", "site"):
        assert f"  {job} " in shown
    assert shown.count(" done ") == 5
    return root


def test_a_build_leaves_what_the_design_says(built):
    out = built / "_build"
    for chapter in CHAPTERS:
        assert (out / "executed" / "notebooks" / f"{chapter}.ipynb").is_file()
        assert json.loads((out / "evidence" / f"{chapter}.json").read_text()) == []
    assert json.loads((out / "ledger.json").read_text())["dataset"]["world"] == "paper"
    assert all((out / name).is_file() for name in workflow.LEDGER)
    assert (out / "data" / "paper-1" / "dataset.toml").is_file()
    assert 'url=book/index.html"' in (out / "html" / "index.html").read_text()
    assert (out / "html" / "book" / "index.html").is_file()


def test_a_notebook_runs_in_this_interpreter_on_the_data_of_the_build(built):
    executed = (built / "_build" / "executed" / "notebooks" / "01_one.ipynb").read_text()
    assert f"kernel prefix {sys.prefix}" in executed
    assert "world paper seed 1 data paper-1" in executed


def test_a_page_shows_the_executed_notebook(built):
    page = (built / "_build" / "html" / "notebooks" / "02_two.html").read_text()
    assert "twin of two" in page.split("cell_output", 1)[1]
    assert 'alt="a red dot"' in page
    assert "One <em>dot</em>." in page
    # The cell of the parameters is on no page.
    assert "data_dir" not in page
    assert str(built) not in page
    first = (built / "_build" / "html" / "book" / "index.html").read_text()
    assert "endomtor-ledger" in first
    assert "papermill 2." in first


def test_nothing_changed_executes_nothing(built):
    before = content(built / "_build" / "executed") | content(built / "_build" / "html")
    os.utime(built / "notebooks" / "01_one.ipynb")
    half_done = built / "_build" / "executed" / "notebooks" / ".01_one.killed"
    half_done.mkdir()
    shown = build(built)
    assert " done " not in shown
    assert shown.count("unchanged") == 2
    assert not half_done.exists()
    assert content(built / "_build" / "executed") | content(built / "_build" / "html") == before


def test_claims_prints_the_ledger(built, capfdbinary, monkeypatch):
    monkeypatch.setenv("ENDOMTOR_BUILD", str(built / "_build"))
    with pytest.raises(SystemExit) as ended:
        cli.main(["claims", "--json"])
    assert ended.value.code == 0
    printed = capfdbinary.readouterr().out
    assert printed == (built / "_build" / "ledger.json").read_bytes()
    jsonschema.Draft202012Validator(json.loads(ledger.SCHEMA.read_text())).validate(json.loads(printed))
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        cli.main(["claims", "--strict"])
    # Two chapters that record nothing are not what world `paper` demands.
    assert ended.value.code == 1
    shown = capfdbinary.readouterr()
    assert "C4.premise.LT_HSC: absent, but the frozen public result is 'supported'" in shown.err.decode()
    assert "C5: not testable here (no data), but world 'paper' demands 'recovered'" in shown.err.decode()
    lines = shown.out.decode().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert sum("not testable" in line for line in lines) >= 5


def test_a_book_without_premises_freezes_none(built, capfdbinary, monkeypatch):
    monkeypatch.setenv("ENDOMTOR_BUILD", str(built / "_build"))
    with pytest.raises(SystemExit) as ended:
        cli.main(["claims", "--freeze"])
    assert ended.value.code == 1
    assert b"the ledger has no premise" in capfdbinary.readouterr().err


@pytest.mark.slow
def test_a_changed_citation_file_is_exported_without_executing(built):
    citation = built / "CITATION.cff"
    citation.write_text(citation.read_text().replace("A small book", "A little book"))
    shown = build(built)
    assert shown.count("unchanged") == 2
    assert "  ledger " in shown
    assert "A little book" in (built / "_build" / "ro-crate-metadata.json").read_text()
    assert "A little book" in (built / "_build" / "html" / "book" / "index.html").read_text()


def test_a_changed_notebook_is_the_only_one_executed(built):
    one = built / "_build" / "executed" / "notebooks" / "01_one.ipynb"
    before = one.read_bytes()
    edit(built, "02_two", "twin of two", "second edition")
    shown = build(built)
    assert "  01_one                         unchanged" in shown
    assert one.read_bytes() == before
    assert "second edition" in (built / "_build" / "html" / "notebooks" / "02_two.html").read_text()


def test_a_changed_page_is_drawn_without_asking_snakemake(built):
    page, log = built / "book" / "index.md", built / "_build" / "build.log"
    html = built / "_build" / "html" / "book" / "index.html"
    icons = built / "_build" / "html" / "_static" / accessibility.ICONS
    before, drawn, few = page.read_text(), html.read_bytes(), icons.read_bytes()
    # The name of an icon: where a page has it, the style sheet must have the icon.
    page.write_text(f"{before}\nOne more sentence. fa-truck\n")
    shown = build(built)
    assert len(icons.read_bytes()) > len(few)
    assert "  site " in shown
    assert shown.count("unchanged") == 2
    assert "One more sentence." in html.read_text()
    assert "Building DAG" not in log.read_text()
    # Asked again, Snakemake does not take the page that it had drawn last for the one that is there.
    page.write_text(before)
    (built / "_build" / workflow.FINISHED).unlink()
    build(built)
    assert "Building DAG" in log.read_text()
    assert html.read_bytes() == drawn
    assert icons.read_bytes() == few


@pytest.mark.slow
def test_only_other_evidence_makes_what_reads_it_run_again(built):
    synthesis, toc = built / "notebooks" / "03_synthesis.ipynb", built / "_toc.yml"
    shutil.copyfile(built / "notebooks" / "02_two.ipynb", synthesis)
    whole = toc.read_text()
    toc.write_text(f"{whole}  - file: notebooks/03_synthesis\n")
    build(built)
    pages = built / "_build" / "site" / "_build" / ".doctrees" / "notebooks"
    before = {path.stem: path.stat().st_mtime_ns for path in pages.glob("*.doctree")}
    edit(built, "01_one", "kernel prefix", "prefix of the kernel")
    shown = build(built)
    assert shown.count("unchanged") == 2
    again = {path.stem for path in pages.glob("*.doctree") if path.stat().st_mtime_ns != before[path.stem]}
    assert again == {"01_one"}
    assert "prefix of the kernel" in (built / "_build" / "html" / "notebooks" / "01_one.html").read_text()
    # A line more in a file of evidence: the bytes are others.
    edit(built, "01_one", "[]\\n", "[]\\n\\n")
    shown = build(built)
    assert "  03_synthesis                   done " in shown
    assert "  02_two                         unchanged" in shown
    edit(built, "01_one", "prefix of the kernel", "kernel prefix")
    synthesis.unlink()
    toc.write_text(whole)


@pytest.mark.slow
def test_a_notebook_that_raises_fails_the_build_each_time_and_leaves_the_site(built):
    site = content(built / "_build" / "html")
    edit(built, "02_two", 'print("second edition")', 'x = 1\nraise ValueError("first line\\nlast line")')
    ran = subprocess.run(
        [sys.executable, "-c", "from endomtor.cli import main; main()", "build", "--offline"],
        cwd=built,
        env={name: value for name, value in os.environ.items() if not name.startswith("ENDOMTOR_")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 1
    told = [line for line in ran.stderr.splitlines() if line.startswith("endomtor: ")]
    assert told == ran.stderr.splitlines()[-1:]
    assert "notebooks/02_two.ipynb, cell 4 (`x = 1`): ValueError: last line" in told[0]
    assert "Traceback" not in ran.stderr
    partial = nbformat.read(built / "_build" / "failed" / "02_two.ipynb", as_version=4)
    assert any(output.get("ename") == "ValueError" for cell in partial.cells for output in cell.get("outputs", []))
    with pytest.raises(BuildError, match="cell 4"):
        build(built)
    assert content(built / "_build" / "html") == site


@pytest.mark.slow
def test_a_fault_of_a_page_fails_the_site_each_time_and_leaves_the_last_one(built):
    edit(built, "02_two", 'raise ValueError("first line\\nlast line")', 'print("third edition")')
    site = content(built / "_build" / "html")
    index = built / "book" / "index.md"
    sound = index.read_text()
    index.write_text(sound + "\n[nowhere](no-such-page.md)\n")
    with pytest.raises(BuildError, match="no-such-page"):
        build(built)
    with pytest.raises(BuildError, match="no-such-page"):
        render(built, built / "_build")
    assert content(built / "_build" / "html") == site
    assert not list((built / "_build" / "failed").iterdir())
    index.write_text(sound)


@pytest.mark.slow
def test_a_removed_chapter_leaves_the_book(built):
    (built / "notebooks" / "02_two.ipynb").rename(built / "02_two.ipynb")
    toc = built / "_toc.yml"
    whole = toc.read_text()
    toc.write_text(whole.replace("  - file: notebooks/02_two\n", ""))
    build(built)
    assert not (built / "_build" / "evidence" / "02_two.json").exists()
    (built / "02_two.ipynb").rename(built / "notebooks" / "02_two.ipynb")
    toc.write_text(whole)


@pytest.mark.slow
def test_measured_data_are_read_in_place(tmp_path):
    root = small_book(tmp_path / "book")
    mice = tmp_path / "my {young} mice"
    mice.mkdir()
    (mice / "dataset.toml").write_text('title = "Ours"\nprovenance = "measured"\nsource = "a sentence"\n')
    rows = [f"m{i},young,F,b1,pS6_S235_236,{1000 + i}" for i in range(4)]
    rows += [f"n{i},aged,F,b1,pS6_S235_236,{900 + i}" for i in range(4)]
    table = mice / "bmec_signaling.csv"
    table.write_text("\n".join(["animal,group,sex,batch,marker,mfi", *rows]) + "\n")
    out = tmp_path / "else where"
    build(root, build=str(out), data=str(mice))
    assert json.loads((out / "ledger.json").read_text())["dataset"]["title"] == "Ours"
    assert "my {young} mice" in (out / "executed" / "notebooks" / "01_one.ipynb").read_text()
    assert not [path for path in (*out.rglob("*"), *root.rglob("*")) if path.name == table.name]
    assert not (root / "_build").exists()
    assert " done " not in build(root, build=str(out), data=str(mice))

    table.write_text(table.read_text().replace("n0,aged,F,b1,pS6_S235_236,900", "n0,aged,F,b1,pS6_S235_236,901"))
    shown = build(root, build=str(out), data=str(mice))
    assert "unchanged" not in shown

    table.write_text(table.read_text().replace("901", "many"))
    with pytest.raises(BuildError, match=r"bmec_signaling\.csv, row 6, column \"mfi\""):
        build(root, build=str(out), data=str(mice))


@pytest.mark.slow
def test_jupyter_book_alone_shows_executed_notebooks_and_says_when_there_are_none(built, tmp_path):
    def jupyter_book(root: Path) -> str:
        command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", ".", "-W", "-n"]
        subprocess.run(command, cwd=root, check=True, capture_output=True)
        return (root / "_build" / "html" / "notebooks" / "01_one.html").read_text()

    build(built)
    assert "kernel prefix" in jupyter_book(built).split("cell_output", 1)[1]
    never = jupyter_book(small_book(tmp_path / "never"))
    assert sphinx_extension.NOT_BUILT.split("`")[0] in never


def test_a_dead_kernel_is_named_with_its_cell(tmp_path):
    from endomtor.building.execute import execute

    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    sources = ("x = 1", "import os\nos._exit(3)")
    notebook.cells = [nbformat.v4.new_markdown_cell("# Dies"), *map(nbformat.v4.new_code_cell, sources)]
    path = tmp_path / "notebooks" / "09_dies.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    with pytest.raises(BuildError, match=r"notebooks/09_dies\.ipynb, cell 3 \(`import os`\): DeadKernelError"):
        execute(
            path,
            parameters={},
            build=tmp_path / "out",
            executed=tmp_path / "out" / "executed.ipynb",
            evidence=tmp_path / "evidence.json",
            failed=tmp_path / "failed.ipynb",
        )
    assert not (tmp_path / "evidence.json").exists()
    assert not list((tmp_path / "out").iterdir())


def test_what_a_chapter_depends_on(tmp_path):
    root = small_book(tmp_path / "book")
    base = {"root": str(root), "build": str(tmp_path / "out")}
    prints = {
        Settings(**base, **change).chapter_hash("01_one")
        for change in ({}, {"seed": 2}, {"world": "bystander"}, {"data": "/x"}, {"missing": ["ec-heart"]})
    }
    assert len(prints) == 5
    before = Settings(**base).chapter_hash("01_one")
    other = Settings(**base).chapter_hash("02_two")
    edit(root, "01_one", "Chapter", "chapter")
    assert Settings(**base).chapter_hash("01_one") != before
    assert Settings(**base).chapter_hash("02_two") == other
    assert before in prints


@pytest.fixture
def own_package(tmp_path) -> Path:
    """A copy of the package, to be changed."""
    return Path(shutil.copytree(ROOT / "src" / "endomtor", tmp_path / "src" / "endomtor"))


def with_package(package: Path, program: str, *arguments: str) -> str:
    """Run a program with a copy of the package; return what it prints."""
    surroundings = os.environ | {"PYTHONPATH": str(package.parent)}
    command = [sys.executable, "-P", "-c", program, *arguments]
    return subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True, timeout=300).stdout


def remark(module: Path) -> None:
    module.write_text(module.read_text(encoding="utf-8") + "\n# A remark.\n", encoding="utf-8")


def test_a_module_bears_on_its_layer_and_those_above(own_package, tmp_path):
    """Below all are data, above all is what only draws pages; between them all chapters are one layer."""
    program = (
        "import json, sys\n"
        "from endomtor.building.workflow import Settings\n"
        "book = Settings(root=sys.argv[1], build=sys.argv[2])\n"
        "chapters = {book.chapter_hash(one) for one in book.chapters()}\n"
        "print(json.dumps({'data': book.data_hash(), 'ledger': book.ledger_hash(), 'chapters': sorted(chapters),"
        " 'interactive': book.interactive_hash()}))\n"
    )

    def prints() -> dict[str, str]:
        return json.loads(with_package(own_package, program, str(ROOT), str(tmp_path / "out")))

    states = [prints()]
    for module in ("building/site.py", "views/pages.py", "figures/forest.py", "worlds/tabular.py"):
        remark(own_package / module)
        states.append(prints())
    assert [
        {name for name, one in after.items() if before[name] != one} for before, after in itertools.pairwise(states)
    ] == [{"ledger"}, {"ledger"}, {"ledger", "chapters", "interactive"}, {"data", "ledger", "chapters"}]


@pytest.mark.slow
def test_a_module_that_only_draws_pages_executes_nothing(own_package, tmp_path):
    root = small_book(tmp_path / "book")
    program = f"import sys; sys.path.insert(1, {str(ROOT / 'tests')!r}); from test_building import build, Path\n"
    program += "print(build(Path(sys.argv[1])))"
    assert with_package(own_package, program, str(root)).count(" done ") == 5
    remark(own_package / "building" / "site.py")
    again = with_package(own_package, program, str(root))
    assert [line.split()[0] for line in again.splitlines() if " done " in line] == ["ledger", "site"]
    assert again.count("unchanged") == len(CHAPTERS)


def test_a_fingerprint_sees_content_and_names_not_times_or_places(tmp_path):
    first, second = tmp_path / "a" / "x", tmp_path / "b" / "x"
    for folder in (first, second):
        folder.mkdir(parents=True)
        (folder / "one.txt").write_text("one")
    os.utime(second / "one.txt", (1, 1))
    assert fingerprint([first]) == fingerprint([second])
    (second / "one.txt").rename(second / "two.txt")
    assert fingerprint([first]) != fingerprint([second])
    assert fingerprint([first], 1) != fingerprint([first], 2)


def test_a_chapter_by_its_number_or_name(tmp_path):
    settings = Settings(root=str(small_book(tmp_path / "book")), build=str(tmp_path))
    assert {settings.chapter(name) for name in ("02", "2", "02_two")} == {"02_two"}
    with pytest.raises(BuildError, match="did you mean '02_two'"):
        settings.chapter("02_tow")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_second_build_waits_for_one_that_lives_says_so_and_goes_on_when_it_is_gone(tmp_path, number):
    program = (
        "import sys; from pathlib import Path; from rich.console import Console\n"
        "from endomtor.building import workflow\n"
        f"with workflow._alone(Path({str(tmp_path)!r}), Console()): print('in', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    first = subprocess.Popen([sys.executable, "-c", program], **pipes)
    assert first.stdout.readline() == "in\n"
    shown = io.StringIO()
    entered = threading.Event()

    def second() -> None:
        with workflow._alone(tmp_path, Console(file=shown, width=300)):
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not entered.wait(0.3)
    assert f"Another build is at work in {tmp_path} (process {first.pid} on " in shown.getvalue()
    assert re.search(rf" since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\S*; `kill {first.pid}` ends it\)", shown.getvalue())
    first.send_signal(number)
    first.communicate()
    thread.join(3)
    assert entered.is_set()


def test_the_committed_notebook_says_that_it_was_not_executed():
    committed = (ROOT / "tests" / "fixtures" / "book" / "notebooks" / "01_one.ipynb").read_text()
    page = nbformat.reads(sphinx_extension.with_note(committed, sphinx_extension.NOT_BUILT), as_version=4)
    nbformat.validate(page)
    assert sphinx_extension.NOT_BUILT in page.cells[1].source
    assert page.cells[0].source == "# Chapter 01_one"


def test_the_date_honours_source_date_epoch(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert workflow.build_date().isoformat() == "1970-01-02T00:00:00+00:00"


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="a pipe that keeps writes apart is Linux's own")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_jobs_news_is_one_write_of_one_line(unbuffered):
    """Jobs and Snakemake share a pipe: news in two writes was mixed with others' lines, and the build hung."""
    reader, writer = os.pipe2(os.O_DIRECT)
    code = "from endomtor.building.jobs import _report; _report(job='03', state='failed', message='x' * 100_000)"
    variables = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    subprocess.run([sys.executable, "-c", code], stdout=writer, env=variables, check=True)
    os.close(writer)
    line = os.read(reader, 65_536)
    assert os.read(reader, 65_536) == b""
    assert len(line) <= 4096
    assert line.startswith(b"\n@endomtor {")
    assert line.endswith(b"}\n")


def test_news_is_found_between_other_words():
    news = {"job": "03", "state": "running"}
    assert workflow._news(f"Select jobs{workflow.NEWS}{json.dumps(news)}Select jobs\n") == news
    assert workflow._news(f"{workflow.NEWS}{{broken\n") is None
    assert workflow._news("Select jobs\n") is None


def test_a_build_that_cannot_report_ends_and_takes_its_jobs_with_it(tmp_path):
    root = small_book(tmp_path / "book")

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            if "data" in text:
                raise RuntimeError("nobody listens")
            return len(text)

    settings = Settings(root=str(root), build=str(root / "_build"))
    with pytest.raises(RuntimeError, match="nobody listens"):
        workflow.build(settings, jobs=1, console=Console(file=Closed(), width=200))
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(root / "_build") not in processes


@pytest.mark.slow
def test_a_page_whose_code_was_changed_since_says_so(built, tmp_path):
    root = tmp_path / "book"
    shutil.copytree(built, root)
    settings = json.loads((root / "_build" / "settings.json").read_text())
    (root / "_build" / "settings.json").write_text(
        json.dumps(settings | {"root": str(root), "build": str(root / "_build")})
    )

    def notes() -> list[bool]:
        render(root, root / "_build")
        pages = (root / "_build" / "html" / "notebooks" / f"{chapter}.html" for chapter in CHAPTERS)
        return ["This page was executed before its code" in page.read_text() for page in pages]

    claims = root / "data" / "claims.toml"
    claims.write_text(claims.read_text() + "\n# A remark.\n")
    assert notes() == [True, True]
    build(root)
    assert notes() == [False, False]
