"""Processes that end, with all that they have started, when the process that started them ends, however that ends.

A child holds the reading end of a pipe whose other end only its parent has. Where nobody can write any more, the parent
is gone: killed, out of memory, or its terminal was closed. It could not say so itself.
"""

import fcntl
import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_LIFELINE = "ENDOMTOR_LIFELINE"
"""Names the end of the pipe to the child."""

_SCRATCH = "endomtor-run-"
"""How the names of the temporary folders of runs begin."""

_STOPS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def started(command: Sequence[str], *, environment: dict[str, str], **options) -> Iterator[subprocess.Popen]:
    """Start a process at the head of a group, all of which ends with this one; wait for it where the block ends well.

    The command must call `end_with_parent`; see `tied`.

    Parameters
    ----------
    command, environment : sequence of str, dict[str, str]
    **options
        Of `subprocess.Popen`.
    """
    handle, alive, named = lifeline()
    passed = [handle, *options.pop("pass_fds", ())]
    options |= {"env": environment | named, "pass_fds": passed, "start_new_session": True}
    try:
        with subprocess.Popen(command, **options) as process:
            try:
                yield process
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
    finally:
        os.close(handle)
        os.close(alive)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder for all that a run starts; what killed runs have left goes before.

    A link in `folder` says where it is, and whose lock is free is no run's any more. It does not lie in `folder`: the
    paths of sockets may not be long.
    """
    for link in folder.glob(f".{_SCRATCH}*"):
        _remove_left(link)
    place = Path(tempfile.mkdtemp(prefix=_SCRATCH))
    lock, link = os.open(place, os.O_RDONLY), folder / f".{place.name}"
    fcntl.flock(lock, fcntl.LOCK_EX)
    link.symlink_to(place)
    try:
        yield place
    finally:
        os.close(lock)
        _remove_left(link)


def _remove_left(link: Path) -> None:
    # Another run may be about it as well.
    with suppress(FileNotFoundError):
        place = Path(os.readlink(link))
        if _in_use(place):
            return
        # A link that somebody else has laid leads elsewhere.
        if place.name.startswith(_SCRATCH):
            shutil.rmtree(place, ignore_errors=True)
        # Of a run that is stopped, what it has started may write for another moment: the next run goes after it.
        if not place.exists():
            link.unlink()


def _in_use(place: Path) -> bool:
    try:
        lock = os.open(place, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def tied(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module as `python -m` does, for `started`."""
    return [sys.executable, "-P", "-m", "endomtor.children", module, *arguments]


def lifeline() -> tuple[int, int, dict[str, str]]:
    """Return the child's end of a new pipe, this process's end, and what the environment of the child must say."""
    handle, alive = os.pipe()
    return handle, alive, {_LIFELINE: str(handle)}


def end_with_parent() -> None:
    """Kill this process and its group when the parent ends, where it was started with a lifeline."""
    # What this process starts has no such end, and its parent is another one.
    if handle := os.environ.pop(_LIFELINE, ""):
        threading.Thread(target=_end_after, args=(int(handle),), daemon=True).start()


def _end_after(handle: int) -> None:
    os.read(handle, 1)
    os.killpg(0, signal.SIGKILL)


def end_with_pool() -> None:
    """Let this process of a pool end when the one that started it was killed: nobody would send it work or an end."""
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


@contextmanager
def stopped_in_order() -> Iterator[None]:
    """Let a request to end the process be an exit like any other while the block runs, so that it cleans up.

    A signal that is ignored (`nohup`) stays so.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        wanted = [number for number in _STOPS if signal.getsignal(number) == signal.SIG_DFL]
        before = {number: signal.signal(number, _exit) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number: int, _frame) -> None:
    # A second one, sent while it cleans up, would cut that off.
    for other in _STOPS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


if __name__ == "__main__":
    end_with_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
