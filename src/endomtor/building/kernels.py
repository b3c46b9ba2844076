"""Kernels forked from one process that has imported the heavy libraries, so that chapters do not wait for them.

Importing scanpy, pydeseq2 and matplotlib takes longer than most chapters run. A build holds a socket; the first chapter
that asks there for a kernel wakes a server (`python -m endomtor.building.kernels`), which imports the libraries once
and forks itself for each chapter. The modules of endomtor are imported by each kernel for itself. A kernel that cannot
be had in this way is started as usual; the results are the same.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PLAIN = "ENDOMTOR_PLAIN_KERNELS"
"""Where the environment has this, every kernel starts as usual."""
SOCKET = "ENDOMTOR_KERNELS"
"""Where the environment of a job names the socket."""

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

_HEAVY = (
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "pandera.pandas",
    # Imported by the first check of a table, and with it hypothesis.
    "pandera.backends.pandas.builtin_checks",
    "scanpy",
    "pydeseq2.dds",
    "pydeseq2.ds",
    "statannotations.Annotator",
    "statsmodels.api",
    "sklearn.manifold",
)


@contextmanager
def offered(*, soon: bool) -> Iterator[dict[str, str]]:
    """Offer forked kernels to the jobs of a build while the block runs; yield what their environment must say.

    Parameters
    ----------
    soon : bool
        Chapters will run for sure: the libraries are imported at once, beside what comes before the chapters.
    """
    # Elsewhere a fork of a process with these libraries is not safe.
    if os.environ.get(PLAIN) or sys.platform != "linux":
        yield {}
        return
    # The path of a socket has at most 108 bytes; that of a build folder may be longer.
    with tempfile.TemporaryDirectory(prefix="endomtor-") as folder, socket.socket(socket.AF_UNIX) as listener:
        address = str(Path(folder) / "kernels")
        listener.bind(address)
        listener.listen()
        hearing, alive = os.pipe()
        servers: list[subprocess.Popen] = []

        def serve() -> None:
            asked = soon or listener in select.select([listener, hearing], [], [])[0]
            if asked:
                servers.append(_server(listener.fileno(), hearing))
                servers[0].wait()
                # Who waits to be answered is told that nobody will, and takes a plain kernel.
                listener.close()

        waiting = threading.Thread(target=serve)
        waiting.start()
        try:
            yield {SOCKET: address}
        finally:
            # The server hears this as well where the build was killed.
            os.close(alive)
            for server in servers:
                server.kill()
            waiting.join()
            os.close(hearing)


def _server(listener: int, hearing: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "endomtor.building.kernels", str(listener), str(hearing)],
        env=os.environ | SURROUNDINGS,
        pass_fds=[listener, hearing],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def serve(listener: socket.socket, hearing: int) -> None:
    """Import the libraries, then fork a kernel for each request, until the other end of `hearing` is closed."""
    for name in _HEAVY:
        importlib.import_module(name)
    if len(os.listdir("/proc/self/task")) > 1:
        # A fork has only the thread that forks: a lock that another one holds would never be released.
        return
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while hearing not in (ready := select.select([listener, hearing], [], [])[0]):
        if listener in ready:
            connection, _ = listener.accept()
            with connection:
                _, streams, _, _ = socket.recv_fds(connection, 1, 2)
                with connection.makefile() as lines:
                    request = json.loads(lines.readline())
                if os.fork() == 0:
                    listener.close()
                    os.close(hearing)
                    _become_kernel(connection, streams, **request)
                for stream in streams:
                    os.close(stream)


def _become_kernel(
    connection: socket.socket, streams: Sequence[int], *, arguments: list[str], folder: str, environment: dict[str, str]
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
    # Whoever asked holds the other end: when it is gone, nobody reads this kernel's answers.
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(arguments)
    sys.exit()


def _end_with(connection: socket.socket) -> None:
    connection.recv(1)
    os.killpg(0, signal.SIGKILL)


class Fork:
    """A forked kernel as the one who asked for it sees it: what `LocalProvisioner` uses of a `Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int):
        self.pid = pid
        self._connection = connection

    def poll(self) -> int | None:
        """Return None while the kernel lives, 0 afterwards: how it ended is not known."""
        return 0 if select.select([self._connection], [], [], 0)[0] else None

    def wait(self) -> int:
        """Wait for its end."""
        self._connection.recv(1)
        return 0

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


def ask(address: str, *, arguments: Sequence[str], folder: str, environment: Mapping[str, str]) -> Fork | None:
    """Have a kernel forked; None where nobody answers at the address.

    Parameters
    ----------
    address : str
        Path of the socket.
    arguments : sequence of str
        The command line of `ipykernel`.
    folder, environment : str, mapping
        The kernel's working directory and environment.
    """
    request = {"arguments": list(arguments), "folder": folder, "environment": dict(environment)}
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
        socket.send_fds(connection, [b"\n"], [1, 2])
        connection.sendall(f"{json.dumps(request)}\n".encode())
        with connection.makefile() as lines:
            pid = lines.readline()
    except OSError:
        pid = ""
    if not pid:
        connection.close()
        return None
    return Fork(connection, int(pid))


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as offered_socket:
        serve(offered_socket, int(sys.argv[2]))
