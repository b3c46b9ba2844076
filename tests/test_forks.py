"""Kernels and jobs forked by a server answer as plain ones do, and end with whoever asked for them."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.connect import LocalPortCache

from conftest import ROOT, until
from endomtor.building import forks
from endomtor.building.execute import execute

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked but on Linux")

CELLS = {
    "is heavy": "import sys; print('scanpy' in sys.modules, 'endomtor.stats' in sys.modules)",
    "folder": "import os; print(os.getcwd())",
    "environment": "print(os.environ['ENDOMTOR_BUILD'], os.environ['OPENBLAS_NUM_THREADS'], hash('animal'))",
    "columns of a table": "import pandas; print(pandas.options.display.max_columns)",
    "process": "print(os.getppid())",
    "figure": "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);",
}


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "notebooks" / "01_one.ipynb"
    path.parent.mkdir()
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, path)
    return path


def outputs(notebook: Path, folder: Path) -> dict[str, list]:
    """Execute a notebook and return what each cell has shown."""
    executed = folder / "executed.ipynb"
    execute(
        notebook,
        parameters={},
        build=folder,
        executed=executed,
        evidence=folder / "one.json",
        failed=folder / "failed.ipynb",
    )
    cells = [cell for cell in nbformat.read(executed, as_version=4).cells if "injected" not in str(cell.metadata)]
    return dict(zip(CELLS, [cell.outputs for cell in cells], strict=True))


def text(shown: list) -> str:
    return "".join(output["text"] for output in shown).strip()


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch):
    """Forked processes for the rest of the test."""
    with forks.offered(os.environ, soon=True) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield environment[forks.SOCKET]


def test_a_forked_kernel_shows_what_a_plain_one_shows(notebook, tmp_path, offer, monkeypatch):
    forked = outputs(notebook, tmp_path)
    monkeypatch.delenv(forks.SOCKET)
    plain = outputs(notebook, tmp_path)

    # It is the fork of another process, with others' libraries but without modules of the package.
    assert text(forked["is heavy"]) == "True False"
    assert text(plain["is heavy"]) == "False False"
    assert text(plain["process"]) == str(os.getpid()) != text(forked["process"])
    assert text(forked["folder"]) == text(plain["folder"]) == str(notebook.parent)
    assert text(forked["environment"]) == text(plain["environment"])
    assert text(forked["columns of a table"]) == text(plain["columns of a table"])
    assert forked["figure"] == plain["figure"]
    assert any("image/png" in output["data"] for output in forked["figure"])


@pytest.mark.parametrize("way", ["forked", pytest.param("plain", marks=pytest.mark.slow)])
def test_a_kernel_whose_port_was_taken_meanwhile_is_started_again(notebook, tmp_path, offer, monkeypatch, way):
    if way == "plain":
        monkeypatch.delenv(forks.SOCKET)
    with socket.create_server(("127.0.0.1", 0)) as another:
        find, taken = LocalPortCache.find_available_port, [another.getsockname()[1]]
        monkeypatch.setattr(LocalPortCache, "find_available_port", lambda *any: taken.pop() if taken else find(*any))
        assert text(outputs(notebook, tmp_path)["folder"]) == str(notebook.parent)
    assert not taken


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def a_kernel(offer: str, folder: Path) -> forks.Fork:
    connection = folder / "connection.json"
    connection.write_text(json.dumps({"ip": "127.0.0.1", "transport": "tcp", "key": "k"}))
    arguments = ["-f", str(connection)]
    found = forks.request_worker(
        offer, function=forks.KERNEL, arguments=arguments, folder=str(folder), environment=dict(os.environ)
    )
    assert found is not None
    assert until(lambda: json.loads(connection.read_text()).get("shell_port"), seconds=20)
    return found


@pytest.mark.slow
def test_its_end_is_noticed(offer, tmp_path):
    fork = a_kernel(offer, tmp_path)
    assert fork.poll() is None
    fork.kill()
    assert fork.wait() == fork.poll() == -signal.SIGKILL
    assert until(lambda: not is_alive(fork.pid), seconds=3)


@pytest.mark.slow
def test_it_ends_with_the_process_that_asked_for_it(offer, tmp_path):
    program = (
        "import os, sys; from endomtor.building import forks;"
        f"fork = forks.request_worker({offer!r}, function=forks.KERNEL, arguments=['-f', 'none.json'],"
        f" folder={str(tmp_path)!r}, environment=dict(os.environ)); print(fork.pid, flush=True); sys.stdin.read()"
    )
    asker = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    pid = int(asker.stdout.readline())
    assert is_alive(pid)
    asker.kill()
    asker.communicate()
    assert until(lambda: not is_alive(pid), seconds=3)


@pytest.mark.parametrize("imported", [pytest.param(True, marks=pytest.mark.slow), False])
def test_the_server_ends_with_the_build_also_while_it_imports(imported):
    program = (
        "import os, sys; from endomtor.building import forks\n"
        "with forks.offered(os.environ, soon=True) as offer: print(offer[forks.SOCKET], flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    asker = subprocess.Popen([sys.executable, "-c", program], start_new_session=True, **pipes)
    address = asker.stdout.readline().strip()

    def servers() -> list[Path]:
        return [one for one in Path("/proc").glob("[0-9]*/cmdline") if address.encode() in one.read_bytes()]

    assert until(servers, seconds=20)
    if imported:
        assert until(lambda: forks._up(address).exists(), seconds=60)
    os.killpg(asker.pid, signal.SIGKILL)
    asker.communicate()
    assert until(lambda: not servers(), seconds=3)


def test_where_the_socket_can_have_no_name_processes_are_plain(tmp_path):
    far = tmp_path / ("long" * 30)
    far.mkdir()
    environment = os.environ | {"TMPDIR": str(far)}
    with forks.offered(environment, soon=True) as offer:
        assert offer == environment


def test_where_nobody_answers_a_plain_kernel_is_started(notebook, tmp_path, monkeypatch):
    with forks.offered(os.environ, soon=False) as environment:
        address = environment[forks.SOCKET]
    assert forks.request_worker(address, function=forks.KERNEL, arguments=[], folder=".", environment={}) is None
    monkeypatch.setenv(forks.SOCKET, address)
    assert text(outputs(notebook, tmp_path)["is heavy"]) == "False False"


def test_a_server_that_dies_keeps_nobody_waiting(monkeypatch, tmp_path):
    monkeypatch.setattr(forks.sys, "executable", "/bin/false")
    with forks.offered(os.environ, soon=False) as environment:
        asked = forks.request_worker(
            environment[forks.SOCKET], function=forks.KERNEL, arguments=[], folder=str(tmp_path), environment={}
        )
    assert asked is None


def test_the_switch_gives_plain_processes(monkeypatch):
    monkeypatch.setenv(forks.PLAIN, "1")
    with forks.offered(os.environ, soon=True) as environment:
        assert forks.SOCKET not in environment


@pytest.fixture
def job(tmp_path, monkeypatch) -> str:
    """A function as jobs are, in a module that every process finds."""
    (tmp_path / "one_job.py").write_text(
        "import os, subprocess, sys, threading\n"
        "def main():\n"
        "    if 'leave' in sys.argv:\n"
        "        threading.Timer(600, print).start()\n"
        "        print(subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid)\n"
        "    print(os.getcwd(), sys.argv[1:], 'scanpy' in sys.modules)\n"
        "    print('to stderr', file=sys.stderr)\n"
        "    if 'raise' in sys.argv: raise ValueError('raised')\n"
        "    return 3 if 'fail' in sys.argv else None\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "one_job:main"


@pytest.mark.slow
def test_a_job_ends_in_the_same_way_forked_or_not(job, tmp_path, monkeypatch):
    def run(word: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "endomtor.building.forks", job, word, "a b"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    statuses = {"fail": 3, "raise": 1}
    with forks.offered(os.environ, soon=True) as environment:
        address = environment[forks.SOCKET]
        monkeypatch.setenv(forks.SOCKET, address)
        # Nobody waits for a server that is not up.
        assert run("pass").stdout == f"{tmp_path} ['pass', 'a b'] False\n"
        assert until(lambda: forks._up(address).exists(), seconds=60)
        forked = {word: run(word) for word in statuses}
    plain = {word: run(word) for word in statuses}
    for word, status in statuses.items():
        assert forked[word].returncode == plain[word].returncode == status
        assert forked[word].stdout == f"{tmp_path} ['{word}', 'a b'] True\n"
        assert plain[word].stdout == f"{tmp_path} ['{word}', 'a b'] False\n"
        assert forked[word].stderr.startswith("to stderr\n")
    assert "ValueError: raised" in forked["raise"].stderr


@pytest.mark.slow
def test_what_a_forked_job_leaves_ends_with_it(job, tmp_path, offer):
    assert until(lambda: forks._up(offer).exists(), seconds=60)
    command = [sys.executable, "-m", "endomtor.building.forks", job, "leave"]
    left = int(subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, timeout=60).stdout.split()[0])
    assert until(lambda: not is_alive(left), seconds=3)


def test_a_plain_job_waits_for_no_thread(job, tmp_path):
    command = [sys.executable, "-m", "endomtor.building.forks", job, "leave"]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0
    os.kill(int(done.stdout.split()[0]), signal.SIGKILL)


@pytest.mark.slow
def test_a_chapter_has_the_same_evidence_and_figures_either_way(built_book, tmp_path, offer, monkeypatch):
    chapter = "02_rapamycin"
    data = next((built_book / "data").glob("paper-1"))

    def run(name: str) -> tuple[bytes, list]:
        folder = tmp_path / name
        execute(
            ROOT / "notebooks" / f"{chapter}.ipynb",
            parameters={"data_dir": str(data), "world": "paper", "seed": 1},
            build=built_book,
            executed=folder / "executed.ipynb",
            evidence=folder / "evidence.json",
            failed=folder / "failed.ipynb",
        )
        cells = nbformat.read(folder / "executed.ipynb", as_version=4).cells
        return (folder / "evidence.json").read_bytes(), [cell.get("outputs") for cell in cells]

    forked = run("forked")
    monkeypatch.delenv(forks.SOCKET)
    assert forked == run("plain")
