"""Writing files so that a reader sees the old one or the new one, never half of one."""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = ("=", "+", "-", "@", "\t", "\n")
"""How a cell begins that a spreadsheet may run as a formula (OWASP, "CSV Injection")."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` beside `path`, then rename it into place; parent folders are made.

    Raises
    ------
    OSError
        Names `path`; nothing is left beside it.
    """
    path = Path(path)
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = _beside(path)
        try:
            with open(beside, "xb") as stream:
                stream.write(content)
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _beside(path: Path) -> Path:
    # Files of `tempfile` are private; these are as readable as the user's others.
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an `OSError` name `path`: a full disk names no file, and the name of what lies beside means nothing."""
    try:
        yield
    except OSError as error:
        # The library of HDF5 gives a text and no number.
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(path)) from error


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with unix line ends, atomically."""
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; when the block ends well, it takes the place of `folder`.

    If the block raises, `folder` is left as it was.

    Raises
    ------
    OSError
        Names `folder` when nothing can be made beside it.
    """
    folder = Path(folder)
    with _naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside, old = _beside(folder), _beside(folder)
        beside.mkdir()
    try:
        yield beside
        if folder.exists():
            os.rename(folder, old)
            os.rename(beside, folder)
            shutil.rmtree(old)
        else:
            os.rename(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def refuse_special(path: Path) -> None:
    """Raise `OSError` for a pipe, a socket or a device: whoever reads it would wait, perhaps for ever."""
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device", str(path))


def inert(value: object) -> object:
    """Return text that a spreadsheet would run as a formula with an apostrophe before it; all else as it is.

    Numbers are no text: a negative one stays a number. Line ends become those of Unix: the csv module does not quote a
    carriage return, which would end a row.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) else text


def table_text(frame: "pd.DataFrame", **options) -> str:
    """Return a table as CSV for readers: no text in it runs as a formula, neither in a cell nor in a heading.

    Parameters
    ----------
    frame : DataFrame
        The index is left out.
    **options
        Of `DataFrame.to_csv`.
    """
    texts = frame.select_dtypes(["object", "string", "category"]).columns
    safe = frame.assign(**{name: frame[name].astype(object).map(inert) for name in texts}).rename(columns=inert)
    return safe.to_csv(index=False, lineterminator="\n", **options)


def sha256_of(path: Path) -> str:
    """Return the hexadecimal sha256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
