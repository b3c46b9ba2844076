"""Getting public files, from their addresses or a mirror, each checked by sha256 before it appears under its name."""

import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from endomtor import paths
from endomtor.errors import FetchError
from endomtor.files import sha256_of
from endomtor.provenance import Provenance
from endomtor.public import registry, transfer
from endomtor.public.registry import PublicFile
from endomtor.public.transfer import PAUSES, NoNetworkError, mirrored

__all__ = ["NoNetworkError", "available", "fetch", "folder", "mirrored", "original"]


def folder() -> Path:
    """Return where downloaded files are kept."""
    return paths.cache_dir() / "public"


def available(name: str) -> Path | None:
    """Return where an intact copy of a public file is, bundled or downloaded, or None. Nothing is downloaded.

    A file whose sha256 is not the registered one counts as absent.

    `FetchError` for a name that is not in the registry.
    """
    (entry,) = registry.pick([name])
    return _intact(entry)


def original(name: str, title: str) -> tuple[Path, Provenance]:
    """Return where a public file is, and its provenance.

    `FetchError` if it is not here; the sentence says how to get it.
    """
    (entry,) = registry.pick([name])
    path = _intact(entry)
    if path is None:
        remedy = (
            f"restore data/public/{entry.file} from the repository"
            if entry.bundled
            else f"`endomtor fetch {name}` gets it"
        )
        raise FetchError(f"{name}: no intact copy is here, {remedy}.")
    return path, Provenance(kind="public", title=title, source=entry.address, sha256=entry.sha256)


def _intact(entry: PublicFile) -> Path | None:
    places = [folder() / entry.file]
    if entry.bundled:
        places.insert(0, paths.data() / "public" / entry.file)
    for path in places:
        if path.is_file() and path.stat().st_size == entry.bytes and sha256_of(path) == entry.sha256:
            return path
    return None


def fetch(names: Iterable[str], *, progress: bool = False, pauses: tuple[float, ...] = PAUSES) -> dict[str, Path]:
    """Get public files into the cache, a few at a time, unless an intact copy is there.

    What a broken connection has left is resumed. A second run over the same cache waits for the first.

    Parameters
    ----------
    names : iterable of str
        Registry names.
    progress : bool
        Show a bar a file on stderr.
    pauses : tuple of float
        Seconds to wait before each new try of a host that is busy or broke off; empty: one try.

    Returns
    -------
    dict[str, Path]
        Where each file is.

    Raises
    ------
    FetchError
        For an unknown name, and when a file cannot be had or is not the registered one; files that can be had are
        here all the same. Nothing is left under the name of one that failed.
    NoNetworkError
        When the host cannot be reached.
    """
    entries = registry.pick(names)
    found = {entry.name: _intact(entry) for entry in entries}
    if None in found.values():
        with transfer.alone(folder()):
            # The run that this one has waited for may have brought them.
            found |= {entry.name: _intact(entry) for entry in entries if found[entry.name] is None}
            wanted = [entry for entry in entries if found[entry.name] is None]
            with transfer.bars(progress and bool(wanted)) as bars:
                tasks = {
                    entry.name: partial(_get, entry, transfer.Bar(bars, entry.name, entry.bytes), pauses)
                    for entry in wanted
                }
                found |= transfer.together(tasks)
    return found


def _get(entry: PublicFile, bar: transfer.Bar, pauses: tuple[float, ...], stop: threading.Event) -> Path:
    item = transfer.Item(entry.name, mirrored(entry.address), size=entry.bytes, limit=entry.bytes)
    part = transfer.Partial(folder() / entry.file)
    for last in (False, True):
        transfer.persist(lambda: transfer.receive(item, part, bar, stop), pauses, stop)
        try:
            return _named(entry, part)
        except ValueError as error:
            # Pieces of two versions are no file: the whole is asked for once more.
            if last or not part.joined:
                raise FetchError(
                    f"{entry.name}: what {item.place} holds is not the registered file, expected sha256 "
                    f"{entry.sha256}; nothing was kept."
                ) from error
        except OSError as error:
            raise FetchError(f"{entry.name}: could not be written to {folder()} ({error}).") from error
    raise AssertionError("the last round returns or raises")


def _named(entry: PublicFile, part: transfer.Partial) -> Path:
    """Give the file its name if its sha256 is the registered one, else raise `ValueError` and drop it."""
    # pooch costs a quarter of a second to import, which `endomtor --help` should not pay.
    import pooch

    store = pooch.create(path=folder(), base_url="", registry={entry.file: f"sha256:{entry.sha256}"})
    # Our own messages name the file; pooch would print a second set.
    pooch.get_logger().setLevel("WARNING")
    return Path(store.fetch(entry.file, downloader=lambda _, out, __: part.become(Path(out))))
