"""One function over many tasks, in processes of their own, with bars; results come in the order of the tasks."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from threadpoolctl import threadpool_limits

from endomtor import children, environment, paths
from endomtor.errors import BuildError

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def run(function: Callable, tasks: Sequence[tuple], *, jobs: int = 1, chunk: int = 1) -> Iterator:
    """Yield `function(*task)` for each task.

    Linear algebra has one thread: more would wait for each other on matrices this small, and the last digit may depend
    on how many threads added it up.

    `BuildError`: a process was ended from outside.

    Parameters
    ----------
    function : callable
        Of a module, so that another process can be sent it.
    jobs : int
        Processes; one task after another in this process where it is 1.
    chunk : int
        Tasks that a process is sent at once.
    """
    if jobs == 1:
        with threadpool_limits(1):
            yield from (function(*task) for task in tasks)
        return
    # Spawned, not forked: a library that is loaded already has its threads.
    spawn = multiprocessing.get_context("spawn")
    with environment.variables(dict.fromkeys(_THREADS, "1")):
        pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=children.end_with_pool)
        try:
            yield from pool.map(function, *zip(*tasks, strict=True), chunksize=chunk)
        except BrokenProcessPool as error:
            raise BuildError("a process was ended from outside (for want of memory?): run it again.") from error
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def bars(
    totals: Mapping[str, int], *, there: Mapping[str, int] | None = None, progress: bool = True
) -> Iterator[Callable[[str, int], None]]:
    """Show a bar for each name; what is yielded advances one of them by so many.

    Parameters
    ----------
    there : mapping of str to int, optional
        What an earlier run has left; a sentence says so.
    progress : bool
        Show them at all.
    """
    if not progress:
        yield lambda name, count: None
        return
    # What only counts need not wait for the library of terminals.
    from rich.console import Console
    from rich.progress import Progress

    there = there or {}
    with Progress(console=Console(stderr=True)) as shown:
        tasks = {name: shown.add_task(name, total=of, completed=there.get(name, 0)) for name, of in totals.items()}
        if any(there.values()):
            left, whole = sum(there.values()), sum(totals.values())
            shown.console.print(f"{left:,} of {whole:,} cohorts are there already.", highlight=False)
        yield lambda name, count: shown.advance(tasks[name], count)


@cache
def code_hash() -> str:
    """Return a sha256 over the package and the rules: files of jobs with the same one may be joined."""
    package = Path(__file__).resolve().parents[1]
    rules = [paths.data() / "claims.toml", *(paths.data() / "worlds").glob("*.toml")]
    whole = hashlib.sha256()
    for path in sorted([*package.rglob("*.py"), *rules]):
        whole.update(f"{path.name}\n".encode() + path.read_bytes())
    return whole.hexdigest()
