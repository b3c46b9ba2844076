"""Getting public files, from their addresses or a mirror, each checked by sha256 before it appears under its name."""

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import unquote, urlsplit

from endomtor import paths
from endomtor.errors import FetchError
from endomtor.files import sha256_of
from endomtor.provenance import Provenance
from endomtor.public import registry
from endomtor.public.registry import PublicFile

# Seconds to connect and to wait for the next bytes.
TIMEOUT = (5.0, 20.0)
# What is tried again, and how long to wait before each new try.
PAUSES = (0.5, 2.0)
# Answers that mean "later", not "never".
BUSY = (429, 500, 502, 503, 504)
_CHUNK = 1 << 16


class NoNetworkError(FetchError):
    """The host could not be reached at all: other files of the same host will fail in the same way."""


class _TransientError(FetchError):
    """The host answered that it is busy or broken: a second try may succeed."""


def folder() -> Path:
    """Return where downloaded files are kept."""
    return paths.cache_dir() / "public"


def available(name: str) -> Path | None:
    """Return where an intact copy of a public file is, bundled or downloaded, or None. Nothing is downloaded.

    A file whose sha256 is not the registered one counts as absent.

    Raises
    ------
    FetchError
        For a name that is not in the registry.
    """
    (entry,) = registry.pick([name])
    return _intact(entry)


def original(name: str, title: str) -> tuple[Path, Provenance]:
    """Return where a public file is, and its provenance.

    Raises
    ------
    FetchError
        If it is not here; the sentence says how to get it.
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


def mirrored(address: str) -> str:
    """Return where an address is read from: itself, or its twin in `ENDOMTOR_MIRROR`, a folder or a URL."""
    mirror = os.environ.get("ENDOMTOR_MIRROR", "").strip()
    if not mirror:
        return address
    path = urlsplit(address).path
    if "://" in mirror:
        return mirror.rstrip("/") + path
    return str(Path(mirror).expanduser().resolve() / unquote(path).lstrip("/"))


def fetch(names: Iterable[str], *, progress: bool = False, pauses: tuple[float, ...] = PAUSES) -> dict[str, Path]:
    """Get public files into the cache, unless an intact copy is there.

    Parameters
    ----------
    names : iterable of str
        Registry names.
    progress : bool
        Show a bar a file on stderr.
    pauses : tuple of float
        Seconds to wait before each new try of a host that is busy or cannot be reached; empty: one try.

    Returns
    -------
    dict[str, Path]
        Where each file is.

    Raises
    ------
    FetchError
        For an unknown name, and when a file cannot be had or is not the registered one. Nothing is left under its
        name then.
    NoNetworkError
        When the host cannot be reached.
    """
    entries = registry.pick(names)
    found = {entry.name: _intact(entry) for entry in entries}
    wanted = [entry for entry in entries if found[entry.name] is None]
    with _bars(progress and bool(wanted)) as bars:
        for entry in wanted:
            found[entry.name] = _with_retries(entry, _Bar(bars, entry), pauses)
    return found


def _with_retries(entry: PublicFile, bar: "_Bar", pauses: tuple[float, ...]) -> Path:
    for pause in pauses:
        try:
            return _one(entry, bar)
        except (NoNetworkError, _TransientError):
            time.sleep(pause)
    return _one(entry, bar)


def _one(entry: PublicFile, bar: "_Bar") -> Path:
    # pooch costs a quarter of a second to import, which `endomtor --help` should not pay.
    import pooch

    bar.restart()
    place = mirrored(entry.address)
    store = pooch.create(
        path=folder(),
        base_url="",
        registry={entry.file: f"sha256:{entry.sha256}"},
        urls={entry.file: place},
    )
    # Our own messages name the file; pooch would print a second set.
    pooch.get_logger().setLevel("WARNING")
    downloader = _from_address if "://" in place else _from_folder
    try:
        return Path(store.fetch(entry.file, downloader=lambda url, out, _: downloader(entry, url, out, bar)))
    except ValueError as error:
        raise FetchError(
            f"{entry.name}: what {place} holds is not the registered file, expected sha256 {entry.sha256}; "
            "nothing was kept."
        ) from error
    except OSError as error:
        raise FetchError(f"{entry.name}: could not be written to {folder()} ({error}).") from error


def _from_folder(entry: PublicFile, place: str, out: str, bar: "_Bar") -> None:
    try:
        shutil.copyfile(place, out)
    except OSError as error:
        raise FetchError(f"{entry.name}: the mirror has no readable {place} ({error.strerror}).") from error
    bar.advance(entry.bytes)


def _from_address(entry: PublicFile, url: str, out: str, bar: "_Bar") -> None:
    import requests

    try:
        answer = requests.get(url, stream=True, timeout=TIMEOUT)
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise NoNetworkError(f"{entry.name}: {urlsplit(url).netloc} cannot be reached; is there a network?") from error
    except requests.exceptions.RequestException as error:
        raise FetchError(f"{entry.name}: {url} could not be asked for ({error}).") from error
    with answer:
        if answer.status_code in BUSY:
            raise _TransientError(
                f"{entry.name}: {url} answered {answer.status_code} {answer.reason}; try again later."
            )
        if answer.status_code != 200:
            raise FetchError(
                f"{entry.name}: {url} answered {answer.status_code} {answer.reason}, expected the file; "
                "it was moved, or a proxy or mirror does not have it."
            )
        if answer.headers.get("content-type", "").startswith("text/html"):
            raise FetchError(
                f"{entry.name}: {url} answered with a web page, expected the file; "
                "a login page or a proxy may be in the way."
            )
        received = 0
        try:
            with open(out, "wb") as stream:
                for chunk in answer.iter_content(_CHUNK):
                    received += len(chunk)
                    if received > entry.bytes:
                        raise FetchError(f"{entry.name}: {url} sends more than the registered {entry.bytes} bytes.")
                    stream.write(chunk)
                    bar.advance(len(chunk))
        except requests.exceptions.RequestException as error:
            raise _TransientError(f"{entry.name}: the connection to {url} broke off; try again.") from error


class _Bar:
    """One file's bar, or none."""

    def __init__(self, bars, entry: PublicFile):
        self._bars = bars
        self._task = None if bars is None else bars.add_task(entry.name, total=entry.bytes)

    def restart(self) -> None:
        if self._bars is not None:
            self._bars.reset(self._task)

    def advance(self, count: int) -> None:
        if self._bars is not None:
            self._bars.update(self._task, advance=count)


def _bars(shown: bool):
    if not shown:
        return nullcontext()
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    return Progress(*columns, console=Console(stderr=True))
