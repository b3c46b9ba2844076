"""One file over HTTP or from a mirror's folder: resumed where it was cut, tried again where the host is busy.

Nothing here knows what a file holds. Who asks for one checks it (a sha256, or the reader of its format) before the file
gets its name; until then it lies beside, under a hidden one.
"""

import errno
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from endomtor import files
from endomtor.errors import FetchError

# Seconds to connect and to wait for the next bytes.
TIMEOUT = (5.0, 20.0)
# Seconds before each new try of a host that is busy or broke off.
PAUSES = (0.5, 1.0, 2.0, 4.0)
# A host that asks to be left alone for longer than this is asked again by the user, not by a program that waits.
LONGEST_WAIT = 120.0
# Files side by side.
PARALLEL = 4
# Answers that mean "later", not "never".
BUSY = (429, 500, 502, 503, 504)
FORBIDDEN = (401, 403, 407)
_CHUNK = 1 << 16
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body")
_T = TypeVar("_T")


class NoNetworkError(FetchError):
    """The host could not be reached at all: other files of the same host will fail in the same way."""


class TransientError(FetchError):
    """The host is busy or broke off: a second try may succeed.

    Attributes
    ----------
    wait : float
        Seconds that the host asks to be left alone, 0 where it does not say.
    got : int
        Bytes that are here by now: a try that brought some does not count as a failed one.
    """

    def __init__(self, message: str, *, wait: float = 0.0, got: int = 0):
        super().__init__(message)
        self.wait, self.got = wait, got


@dataclass(frozen=True)
class Item:
    """A file to get.

    Attributes
    ----------
    name : str
        What messages call it.
    place : str
        A URL, or a path into a mirror's folder.
    size : int or None
        Registered bytes; None where nobody registered the file.
    limit : int
        More bytes than this are refused.
    """

    name: str
    place: str
    size: int | None
    limit: int


def mirrored(address: str) -> str:
    """Return where an address is read from: itself, or its copy in `ENDOMTOR_MIRROR`, a folder or a URL.

    A folder has no queries: there the path alone counts.

    `FetchError`: `ENDOMTOR_MIRROR` can be neither.
    """
    mirror = os.environ.get("ENDOMTOR_MIRROR", "").strip()
    if not mirror:
        return address
    parts = urlsplit(address)
    if "://" in mirror:
        if not _is_address(mirror):
            raise FetchError(f"ENDOMTOR_MIRROR is {mirror!r}, expected a folder or an http address.")
        return mirror.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
    return str(Path(os.path.realpath(os.path.expanduser(mirror))) / unquote(parts.path).lstrip("/"))


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class Partial:
    """What is here of a file that is not yet whole, with a note of what it is a part of."""

    def __init__(self, path: Path):
        self.path = path.with_name(f".{path.name}.part")
        self._note = path.with_name(f".{path.name}.part.json")
        # True once bytes of two answers stand behind one another.
        self.joined = False

    def begin(self, item: Item, answer) -> None:
        """Note what the first bytes, those of a whole answer, will be a part of."""
        self.joined = False
        self.path.unlink(missing_ok=True)
        announced = answer.headers.get("content-length", "")
        # What came compressed was unpacked on the way: its bytes cannot be counted from the other end.
        packed = "content-encoding" in answer.headers
        note = {
            "place": _shown(item.place),
            "validator": "" if packed else _validator(answer),
            "total": int(announced) if announced.isdecimal() and not packed else None,
        }
        files.write_text(self._note, json.dumps(note))

    def usable(self, item: Item) -> tuple[int, str]:
        """Return how many bytes of the file can be built upon, and the validator they came with."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            have = self.path.stat().st_size
            place, validator, total = note["place"], note["validator"], note["total"] or item.size
        except (OSError, ValueError, KeyError, TypeError):
            return 0, ""
        # Without a sha256 only the host can say that both pieces are of one file.
        known = item.size is not None or bool(validator)
        if place != _shown(item.place) or not known or (total is not None and have > total):
            return 0, ""
        return have, validator

    def discard(self) -> None:
        """Forget it."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def become(self, out: Path) -> None:
        """Move the file, which is whole now, to `out`."""
        os.replace(self.path, out)
        self._note.unlink(missing_ok=True)


def receive(item: Item, partial: Partial, bar: "Bar", stop: threading.Event) -> None:
    """Make `partial` whole, in one try.

    Raises
    ------
    TransientError
        When a second try may succeed; what has come so far stays.
    NoNetworkError
        When the host cannot be reached.
    FetchError
        When the host does not have the file, sends something else, or the disk is full.
    """
    with _disk(item, partial):
        if "://" in item.place:
            _from_address(item, partial, bar, stop)
        else:
            _from_folder(item, partial, bar)


def persist(attempt: Callable[[], _T], pauses: tuple[float, ...], stop: threading.Event) -> _T:
    """Call `attempt` until it succeeds, waiting longer each time, and at least as long as the host asks for.

    Parameters
    ----------
    pauses : tuple of float
        Seconds before each new try; empty: one try. They begin anew after a try that brought bytes.
    stop : threading.Event
        Ends the waiting.
    """
    left, best, unreachable = list(pauses), 0, False
    while True:
        try:
            return attempt()
        except NoNetworkError:
            # A network that is not there seldom comes back within seconds: one more try, not all of them.
            if unreachable or not left:
                raise
            unreachable, pause = True, 0.0
        except TransientError as error:
            if error.got > best:
                left, best = list(pauses), error.got
            if not left:
                raise
            unreachable, pause = False, error.wait
            if pause > LONGEST_WAIT:
                raise FetchError(f"{str(error).rstrip('.')}: the host asks for a pause of {pause:.0f} s.") from error
        if stop.wait(max(pause, left.pop(0))):
            raise Stopped


class Stopped(Exception):
    """Another thread asked to stop."""


def together(tasks: dict[str, Callable[[threading.Event], _T]]) -> dict[str, _T]:
    """Run tasks side by side, `PARALLEL` at a time, and return what each gave.

    `FetchError` when one failed, its own error; when several did, one with a line for each. The others are finished
    first, but none is begun after a sign that there is no network.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(PARALLEL) as pool:
        futures = {pool.submit(task, stop): name for name, task in tasks.items()}
        try:
            for future in as_completed(futures):
                if not future.cancelled() and isinstance(future.exception(), NoNetworkError):
                    pool.shutdown(wait=False, cancel_futures=True)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    errors = [future.exception() for future in futures if not future.cancelled() and future.exception()]
    for error in errors:
        if not isinstance(error, FetchError) or isinstance(error, NoNetworkError) or len(errors) == 1:
            raise error
    if errors:
        raise FetchError("\n".join(str(error) for error in errors)) from errors[0]
    return {name: future.result() for future, name in futures.items()}


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one run at a time write into `folder`; a second one says that it waits.

    The operating system holds the lock and drops it with the process, so none is left behind by a run that was killed.
    """
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = open(folder / ".lock", "w")  # noqa: SIM115
    except OSError as error:
        raise FetchError(
            f"{folder} cannot be written to ({error.strerror}), expected a folder for downloads."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"endomtor: another run is fetching into {folder}; waiting for it to end.", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ask(name: str, url: str, headers: dict[str, str] | None = None):
    """Send one request and return the answer, its status 200, 206 or 416; the caller reads and closes it.

    Raises
    ------
    NoNetworkError, TransientError, FetchError
        As `receive`. A query, which may hold a key, is in no message.
    """
    import requests

    shown, host = _shown(url), urlsplit(url).netloc
    # Compressed on the way, the bytes would be no piece of the file, and could not be resumed.
    sent = {"User-Agent": f"endomtor/{version('endomtor')}", "Accept-Encoding": "identity", **(headers or {})}
    try:
        answer = requests.get(url, stream=True, timeout=TIMEOUT, headers=sent)
    except requests.exceptions.SSLError as error:
        raise FetchError(
            f"{name}: the certificate of {host} was not accepted; a login page or a proxy may be in the way."
        ) from error
    except requests.exceptions.ReadTimeout as error:
        raise TransientError(f"{name}: {host} did not answer within {TIMEOUT[1]:g} s; try again later.") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise NoNetworkError(f"{name}: {host} cannot be reached; is there a network?") from error
    except requests.exceptions.RequestException as error:
        raise FetchError(f"{name}: {shown} could not be asked for ({type(error).__name__}).") from error
    status = f"{answer.status_code} {answer.reason}".strip()
    if answer.status_code in (200, 206, 416):
        return answer
    answer.close()
    if answer.status_code in BUSY:
        wait = _retry_after(answer.headers.get("Retry-After", ""))
        raise TransientError(f"{name}: {shown} answered {status}; try again later.", wait=wait)
    if answer.status_code in FORBIDDEN:
        raise FetchError(
            f"{name}: {shown} answered {status}, expected the file; a login may be needed, or a proxy is in the way."
        )
    if answer.status_code == 400:
        raise FetchError(f"{name}: {shown} answered {status}; it does not accept the request, or an API key in it.")
    raise FetchError(
        f"{name}: {shown} answered {status}, expected the file; it was moved, or a proxy or mirror does not have it."
    )


def text(name: str, url: str, limit: int) -> bytes:
    """Return a short answer whole.

    Raises
    ------
    NoNetworkError, TransientError, FetchError
        As `receive`; also when there are more bytes than `limit`.
    """
    import requests

    if "://" not in url:
        raise FetchError(f"{name}: {_shown(url)} is a folder's, and only a server can answer; give a mirror's address.")
    content = b""
    with ask(name, url) as answer:
        try:
            for chunk in answer.iter_content(_CHUNK):
                content += chunk
                if len(content) > limit:
                    raise FetchError(f"{name}: {_shown(url)} answers with more than {limit} bytes.")
        except requests.exceptions.RequestException as error:
            raise TransientError(f"{name}: the connection to {_shown(url)} broke off; try again.") from error
        refuse_page(name, url, answer, content)
    return content


def refuse_page(name: str, url: str, answer, start: bytes) -> None:
    """Raise `FetchError` when an answer is a web page, by its type or by its first bytes, whatever its type says."""
    begins = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:20].lower()
    if answer.headers.get("content-type", "").startswith("text/html") or begins.startswith(_PAGE):
        sent_on = f" ({_shown(answer.url)})" if answer.history else ""
        raise FetchError(
            f"{name}: {_shown(url)} answered with a web page{sent_on}, expected the file; "
            "a login page or a proxy may be in the way."
        )


def _from_folder(item: Item, partial: Partial, bar: "Bar") -> None:
    try:
        source = open(item.place, "rb")  # noqa: SIM115
    except OSError as error:
        raise FetchError(f"{item.name}: the mirror has no readable {item.place} ({error.strerror}).") from error
    with source, open(partial.path, "wb") as stream:
        shutil.copyfileobj(source, stream, _CHUNK)
        bar.at(stream.tell())


def _from_address(item: Item, partial: Partial, bar: "Bar", stop: threading.Event) -> None:
    from urllib3.exceptions import HTTPError

    have, validator = partial.usable(item)
    bar.at(have)
    if have and have == item.size:
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and validator:
        headers["If-Range"] = validator
    with ask(item.name, item.place, headers) as answer:
        if answer.status_code != 200 and not (have and _continues(answer, have, validator, item)):
            if not have:
                raise FetchError(f"{item.name}: {_shown(item.place)} answered with a piece, expected the whole file.")
            partial.discard()
            return _from_address(item, partial, bar, stop)
        broken = TransientError(f"{item.name}: the connection to {_shown(item.place)} broke off; try again.", got=have)
        try:
            # read1 gives what has come; iter_content would wait for a whole chunk, and lose it when the line breaks.
            piece = answer.raw.read1(_CHUNK, decode_content=True)
            if answer.status_code == 200:
                refuse_page(item.name, item.place, answer, piece)
                have = 0
                partial.begin(item, answer)
            else:
                partial.joined = True
            with open(partial.path, "ab") as stream:
                while piece:
                    have += len(piece)
                    if have > (item.size or item.limit):
                        partial.discard()
                        raise FetchError(_too_long(item))
                    stream.write(piece)
                    bar.at(have)
                    if stop.is_set():
                        raise Stopped
                    piece = answer.raw.read1(_CHUNK, decode_content=True)
        except HTTPError as error:
            broken.got = have
            raise broken from error
        # A host that announces no length can only be believed when it sends all that was registered.
        if item.size and have < item.size and "content-length" not in answer.headers:
            broken.got = have
            raise broken


def _too_long(item: Item) -> str:
    if item.size:
        return f"{item.name}: {_shown(item.place)} sends more than the registered {item.size} bytes."
    return f"{item.name}: {_shown(item.place)} sends more than {item.limit / 1e9:g} GB, the most that is taken."


def _continues(answer, have: int, validator: str, item: Item) -> bool:
    """Say whether a 206 continues, at the right byte, the very file of which `have` bytes are here."""
    unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
    span, _, total = rest.partition("/")
    if answer.status_code != 206 or unit != "bytes" or span.partition("-")[0] != str(have):
        return False
    if item.size and total not in ("*", str(item.size)):
        return False
    # Without a sha256 the host must say that it is the same file; with one it is enough that it says nothing else.
    said = _validator(answer)
    return said == validator or (item.size is not None and not said)


def _validator(answer) -> str:
    """Return a strong ETag, else the date of the file, else nothing."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def _retry_after(text: str) -> float:
    """Return the seconds that `Retry-After` asks for, which is a number or a date (RFC 9110, 10.2.3)."""
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _shown(url: str) -> str:
    return url.split("?", 1)[0]


@contextmanager
def _disk(item: Item, partial: Partial) -> Iterator[None]:
    """Turn what a disk refuses into a sentence; a full one gets back what the unfinished file took."""
    try:
        yield
    except OSError as error:
        folder = partial.path.parent
        if error.errno in _FULL:
            partial.discard()
            size = f", the file has {item.size / 1e6:.1f} MB" if item.size else ""
            raise FetchError(f"{item.name}: the disk is full at {folder}{size}; make room and try again.") from error
        raise FetchError(f"{item.name}: could not be written to {folder} ({error.strerror or error}).") from error


class Bar:
    """One file's bar, or none."""

    def __init__(self, bars, name: str, size: int | None):
        self._bars = bars
        self._task = None if bars is None else bars.add_task(name, total=size)

    def at(self, count: int) -> None:
        """Show that `count` bytes are here."""
        if self._bars is not None:
            self._bars.update(self._task, completed=count)


def bars(shown: bool):
    """Return a context that gives rich's bars on stderr, or None."""
    if not shown:
        return nullcontext()
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=Console(stderr=True))


class Pace:
    """Keeps requests at least `gap` seconds apart, over all threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self, gap: float) -> None:
        """Return when the next request may be sent."""
        with self._lock:
            now = time.monotonic()
            time.sleep(max(self._next - now, 0.0))
            self._next = max(self._next, now) + gap
