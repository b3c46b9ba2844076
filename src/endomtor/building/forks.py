"""Processes forked from one that has imported the heavy libraries, so that kernels and jobs do not wait for them.

Importing scanpy, pydeseq2 and matplotlib takes longer than most chapters run. A build holds a socket; the first chapter
that asks there for a kernel wakes a server, which imports the libraries once and forks itself for each chapter. Jobs
(`python -m endomtor.building.forks FUNCTION ARGUMENTS`) are forked from it as well where it has come up by then. The
modules of endomtor are imported by each process for itself. A process that cannot be had in this way is started as
usual; the results are the same.
"""

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from endomtor import children

PLAIN = "ENDOMTOR_PLAIN_PROCESSES"
"""Where the environment has this, every kernel and every job starts as usual."""
SOCKET = "ENDOMTOR_FORKS"
"""Where the environment of a job names the socket."""
KERNEL = "ipykernel.kernelapp:launch_new_instance"
"""The function that is a kernel."""

_THREADS = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR", "NUMBA")
# What is read when Python, a library or matplotlib starts: a fork cannot change it any more.
SURROUNDINGS = {
    # One thread a notebook: chapters run side by side, and sums do not depend on how many cores a machine has.
    **{f"{name}_NUM_THREADS": "1" for name in _THREADS},
    # pandas imports pyarrow where it finds it, and that would start a thread that a fork has not.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # The kernel imports the package that runs this, also where another one is installed for the user.
    "PYTHONNOUSERSITE": "1",
}

# Of Linux' `prctl(2)`: the signal that a process gets when the thread that started it ends.
_PR_SET_PDEATHSIG = 1

_HEAVY = (
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "pandera.pandas",
    # Imported by the first check of a table, and with it hypothesis.
    "pandera.backends.pandas.builtin_checks",
    "scanpy",
    "pydeseq2.dds",
    "statannotations.Annotator",
    "statsmodels.api",
    "sklearn.manifold",
)
# What only jobs need: imported one by one after the first answer, while nobody asks.
_LATER = (
    "papermill",
    "bokeh.embed",
    "bokeh.plotting",
    "jupyter_book.cli.main",
    "jupyter_book.sphinx",
    "sphinx.builders.html",
    "sphinx.ext.autosummary",
    "sphinxcontrib.bibtex",
    "myst_nb.sphinx_",
    "sphinx_book_theme",
    # Where it is asked a second time.
    "snakemake.cli",
)


@contextmanager
def offered(environment: Mapping[str, str], *, soon: bool) -> Iterator[dict[str, str]]:
    """Offer forks to the jobs of a build while the block runs; yield their environment, which says where.

    Where chapters are likely to run `soon`, the libraries are imported at once, beside what comes before the chapters.
    The socket lies in the temporary folder of the environment.
    """
    # Elsewhere a fork of a process with these libraries is not safe.
    if environment.get(PLAIN) or sys.platform != "linux":
        yield dict(environment)
        return
    with (
        tempfile.TemporaryDirectory(prefix="forks-", dir=environment.get("TMPDIR")) as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        address = str(Path(folder) / "forks")
        try:
            listener.bind(address)
        except OSError:
            # The path of a socket has at most 108 bytes; that of the temporary folder may have more.
            yield dict(environment)
            return
        listener.listen()
        hearing, alive = os.pipe()
        servers: list[subprocess.Popen] = []

        def serve() -> None:
            asked = soon or listener in select.select([listener, hearing], [], [])[0]
            if asked:
                servers.append(_server(address, listener.fileno(), environment))
                servers[0].wait()
                # Who waits to be answered is told that nobody will, and takes a plain process.
                listener.close()

        waiting = threading.Thread(target=serve)
        waiting.start()
        try:
            yield {**environment, SOCKET: address}
        finally:
            os.close(alive)
            for server in servers:
                server.kill()
            waiting.join()
            os.close(hearing)


def _server(address: str, listener: int, environment: Mapping[str, str]) -> subprocess.Popen:
    program = f"from endomtor.building import forks; forks.serve({address!r}, {listener}, {os.getpid()})"
    alone = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL) | {"start_new_session": True}
    command = [sys.executable, "-P", "-c", program]
    return subprocess.Popen(command, env={**environment, **SURROUNDINGS}, pass_fds=[listener], **alone)


def serve(address: str, listening: int, parent: int) -> None:
    """Import the libraries, then fork a process for each request, until it is killed, or `parent` ends."""
    # A thread that waits for a pipe, as in `children`, cannot be: there is none in a process that forks.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    _leave_out_addresses()
    for name in _HEAVY:
        importlib.import_module(name)
    # pandas has looked whether a notebook imports it, and found none: it would fold tables to the width of a terminal.
    sys.modules["pandas"].set_option("display.max_columns", 20)
    # Not before the first answer: whoever came while one of them is imported would wait for it.
    later, answered = list(_LATER), False
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _up(address).touch()
    with socket.socket(fileno=listening) as listener:
        while True:
            if not select.select([listener], [], [], 0 if answered and later else None)[0]:
                importlib.import_module(later.pop(0))
            elif len(os.listdir("/proc/self/task")) > 1:
                # A fork has only the thread that forks: a lock that another one holds would never be released.
                return
            else:
                _answer(listener)
                answered = True


def _leave_out_addresses() -> None:
    # jsonschema compiles the grammar of international addresses on import, where it finds this package: a second a
    # process, for a format that no notebook uses.
    sys.modules["rfc3987_syntax"] = None


def _up(address: str) -> Path:
    """Return the file that is there when the server has imported what chapters need."""
    return Path(f"{address}.up")


def _answer(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        _, streams, _, _ = socket.recv_fds(connection, 1, 2)
        with connection.makefile() as lines:
            request = json.loads(lines.readline())
        # What is there is there for good: the collector need not look through it in each fork, and copy it by that.
        gc.freeze()
        if os.fork() == 0:
            listener.close()
            _become(connection, streams, **request)
        for stream in streams:
            os.close(stream)


def _become(
    connection: socket.socket, streams: Sequence[int], *, function: str, arguments: list[str], folder: str, environment
) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for standard, stream in enumerate(streams, start=1):
        os.dup2(stream, standard)
        os.close(stream)
    os.environ.clear()
    # Its parent is no notebook: without this, ipykernel would print how to end it.
    os.environ.update(environment, JPY_PARENT_PID="1")
    os.chdir(folder)
    connection.sendall(f"{os.getpid()}\n".encode())
    # Whoever asked holds the other end: when it is gone, nobody reads this process's answers.
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    try:
        status = _call(function, arguments)
    except BaseException:
        traceback.print_exc()
        status = 1
    _flush()
    connection.sendall(f"{status}\n".encode())
    # At once, with what it has started itself: Python would take all the libraries apart, which copies them.
    os.killpg(0, signal.SIGKILL)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _call(function: str, arguments: Sequence[str]) -> int:
    """Call a function that reads `sys.argv`, as the script of a package does; return its exit status."""
    sys.argv = [function, *arguments]
    try:
        return pkgutil.resolve_name(function)() or 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)


def _end_with(connection: socket.socket) -> None:
    connection.recv(1)
    os.killpg(0, signal.SIGKILL)


class Fork:
    """A forked process as the one who asked for it sees it: what `LocalProvisioner` uses of a `Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int):
        self.pid = pid
        self._connection = connection
        self._said = b""

    def poll(self) -> int | None:
        """Return None while the process lives, then its exit status."""
        while select.select([self._connection], [], [], 0)[0]:
            if not (more := self._connection.recv(100)):
                return self._status()
            self._said += more
        return None

    def wait(self) -> int:
        """Wait for its end and return its exit status."""
        while more := self._connection.recv(100):
            self._said += more
        return self._status()

    def _status(self) -> int:
        # One that was killed has not said how it ended.
        return int(self._said) if self._said.endswith(b"\n") else -signal.SIGKILL

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def request_worker(
    address: str, *, function: str, arguments: Sequence[str], folder: str, environment: Mapping[str, str]
) -> Fork | None:
    """Have a process forked that writes where this one does; None where nobody answers at the address.

    Parameters
    ----------
    address : str
        Path of the socket.
    function, arguments : str, sequence of str
        What it runs, `module:name`, and its command line.
    folder, environment : str, mapping
        Its working directory and environment.
    """
    request = {"function": function, "arguments": list(arguments), "folder": folder, "environment": dict(environment)}
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
        socket.send_fds(connection, [b"\n"], [1, 2])
        connection.sendall(f"{json.dumps(request)}\n".encode())
        pid = b""
        while not pid.endswith(b"\n") and (more := connection.recv(1)):
            pid += more
    except OSError:
        pid = b""
    if not pid.endswith(b"\n"):
        connection.close()
        return None
    return Fork(connection, int(pid))


def forked(function: str, *words: str) -> list[str]:
    """Return the command that runs a function in a fork, or as a plain process where there is none to be had."""
    return [sys.executable, "-P", "-m", "endomtor.building.forks", function, *words]


def main() -> int:
    """Run a function in a fork of the server, or here where there is none yet; return its exit status."""
    children.end_with_parent()
    function, *arguments = sys.argv[1:]
    address = os.environ.get(SOCKET)
    if address and _up(address).exists():
        place = {"folder": os.getcwd(), "environment": os.environ}
        if fork := request_worker(address, function=function, arguments=arguments, **place):
            return fork.wait()
    _leave_out_addresses()
    return _call(function, arguments)


if __name__ == "__main__":
    ended = main()
    _flush()
    # Python would wait for threads that nobody needs any more: Snakemake leaves a timer of a second.
    os._exit(ended)
