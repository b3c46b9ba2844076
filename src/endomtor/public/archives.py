"""Unpacking what strangers packed: `.gz`, `.tar`, `.tar.gz`, `.zip`, into a folder and nowhere else.

The kind is told by the first bytes, not by the name. A member with an absolute or a parent path, a link, a device or
anything else that is no plain file or folder is refused, and so is what unpacks to more than `Limits` allows.
Everything is unpacked beside the target, which takes its name only when the whole archive was fine.
"""

import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from endomtor import files
from endomtor.errors import FetchError

_CHUNK = 1 << 16
# What the standard library's readers raise for bytes that are no archive of theirs.
_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, ValueError, OverflowError),
)


@dataclass(frozen=True)
class Limits:
    """How much may come out of an archive.

    Attributes
    ----------
    total : int
        Bytes of everything in it.
    ratio : int
        Bytes that come out for each that went in, once more than `free` came out. Tables of counts reach 20; a bomb
        made with zip or gzip reaches 1,000.
    count : int
        Members.
    free : int
        Bytes below which the ratio is not looked at.
    header : int
        Bytes of a tar file between two members.
    """

    total: int = 8 * 10**9
    ratio: int = 200
    count: int = 10_000
    free: int = 16 * 2**20
    header: int = 2**20


LIMITS = Limits()


def extract(archive: Path, target: Path, limits: Limits = LIMITS) -> list[Path]:
    """Unpack an archive into the folder `target`, which it replaces.

    `FetchError` for an archive that is damaged, of another kind, or has a member that is refused. `target` is as it
    was then.

    Parameters
    ----------
    archive : Path
        `.gz` (one file, which gets the archive's name without `.gz`), `.tar`, `.tar.gz` or `.zip`.

    Returns
    -------
    list[Path]
        The files, sorted.
    """
    archive, target = Path(archive), Path(target)
    try:
        with open(archive, "rb") as stream, files.replacing(target) as beside:
            _unpack(archive, stream, beside, limits)
    except _BROKEN as error:
        raise FetchError(
            f"{archive.name}: the archive is damaged or cut off ({error}), expected a whole one."
        ) from error
    except (OSError, RuntimeError) as error:
        raise FetchError(f"{archive.name}: could not be unpacked into {target} ({error}).") from error
    return sorted(path for path in target.rglob("*") if path.is_file())


@contextmanager
def opened(path: Path, limits: Limits = LIMITS) -> Iterator[BinaryIO]:
    """Open a file, unpacked on the way where it is a `.gz`, within the limits.

    `FetchError` when it is damaged, cut off or unpacks to more than the limits allow, also while it is read.
    """
    try:
        with open(path, "rb") as stream:
            packed = _starts(stream, b"\x1f\x8b")
            inner = gzip.GzipFile(fileobj=stream) if packed else stream
            yield io.BufferedReader(_Counted(inner, path.name, path.stat().st_size, limits), _CHUNK)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FetchError(f"{path.name}: the file is damaged or cut off ({error}), expected a whole one.") from error


class _Counted(io.RawIOBase):
    """A stream that refuses to give more than the limits allow."""

    def __init__(self, stream: BinaryIO, name: str, packed: int, limits: Limits):
        self._stream, self._name, self._packed, self._limits = stream, name, packed, limits
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        piece = self._stream.read(min(len(buffer), _CHUNK))
        self.add(len(piece))
        buffer[: len(piece)] = piece
        return len(piece)

    def add(self, count: int) -> None:
        """Count bytes that came out."""
        limits = self._limits
        self.given += count
        if self.given > limits.total:
            raise FetchError(f"{self._name}: it unpacks to more than {limits.total:,} bytes, the most that is taken.")
        if self.given > limits.free and self.given > limits.ratio * self._packed:
            raise FetchError(
                f"{self._name}: it unpacks to more than {limits.ratio} times its size, expected no decompression bomb."
            )


class _TarStream(_Counted):
    """A tar file's bytes; between two members only a header's worth of them, since tarfile holds a header in memory."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.member = 0

    def read(self, size: int = -1) -> bytes:
        piece = bytearray(size)
        filled = 0
        while filled < size and (count := self.readinto(memoryview(piece)[filled:])):
            filled += count
        return bytes(piece[:filled])

    def add(self, count: int) -> None:
        super().add(count)
        self.member -= count
        if self.member < -self._limits.header:
            raise FetchError(f"{self._name}: the header of a member is longer than {self._limits.header:,} bytes.")


def _unpack(archive: Path, stream: BinaryIO, target: Path, limits: Limits) -> None:
    size = archive.stat().st_size
    if _starts(stream, b"PK\x03\x04", b"PK\x05\x06"):
        _unzip(archive.name, stream, target, size, limits)
        return
    packed = _starts(stream, b"\x1f\x8b")
    inner = gzip.GzipFile(fileobj=stream) if packed else stream
    if _is_tar(inner):
        _untar(_TarStream(inner, archive.name, size, limits), archive.name, target, limits)
    elif packed:
        name = archive.name.removesuffix(".gz") if archive.name != ".gz" else "unpacked"
        source = _Counted(inner, archive.name, size, limits)
        _write(io.BufferedReader(source, _CHUNK), target / name, None)
    else:
        raise FetchError(f"{archive.name}: neither gzip nor tar nor zip by its first bytes, expected an archive.")


def _starts(stream: BinaryIO, *magic: bytes) -> bool:
    start = stream.read(4)
    stream.seek(0)
    return start.startswith(magic)


def _is_tar(stream: BinaryIO) -> bool:
    block = stream.read(tarfile.BLOCKSIZE)
    stream.seek(0)
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _untar(source: _TarStream, name: str, target: Path, limits: Limits) -> None:
    taken: set[str] = set()
    with tarfile.open(fileobj=source, mode="r|", bufsize=_CHUNK // 8) as archive:
        for member in archive:
            if member.isdir():
                _place(name, member.name, target, taken, limits, folder=True)
                continue
            if not member.isreg() or member.issparse():
                kind = "a link" if member.issym() or member.islnk() else "a device or another special file"
                raise FetchError(f"{name}: member {member.name!r} is {kind}, expected plain files and folders.")
            place = _place(name, member.name, target, taken, limits)
            source.member = member.size
            _write(archive.extractfile(member), place, member.size)
            source.member = 0


def _unzip(name: str, stream: BinaryIO, target: Path, size: int, limits: Limits) -> None:
    taken: set[str] = set()
    with zipfile.ZipFile(stream) as archive:
        counted = _Counted(io.BytesIO(), name, size, limits)
        for member in archive.infolist():
            # The upper half holds the Unix mode, 0 where another system packed it.
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                what = "a link" if kind == stat.S_IFLNK else "a device or another special file"
                raise FetchError(f"{name}: member {member.filename!r} is {what}, expected plain files and folders.")
            if member.flag_bits & 1:
                raise FetchError(f"{name}: member {member.filename!r} is encrypted, expected an open archive.")
            # zipfile makes / of a backslash, but only on Windows, and cuts a name at NUL.
            place = _place(name, member.orig_filename, target, taken, limits, folder=member.is_dir())
            if not member.is_dir():
                with archive.open(member) as source:
                    _write(source, place, member.file_size, counted)


def _place(name: str, member: str, target: Path, taken: set[str], limits: Limits, folder: bool = False) -> Path:
    """Return where a member goes, or raise `FetchError` if that is not a new place inside `target`."""
    path = PurePosixPath(member)
    odd = "\\" in member or "\0" in member or re.match("[A-Za-z]:", member)
    if path.is_absolute() or ".." in path.parts or odd:
        raise FetchError(
            f"{name}: member {member!r} has an absolute or a parent path, expected one inside the archive."
        )
    # Some file systems do not tell upper from lower case: the second member would overwrite the first.
    key = str(path).casefold()
    if key in taken and not folder:
        raise FetchError(f"{name}: member {member!r} comes twice, expected each once.")
    taken.add(key)
    if len(taken) > limits.count:
        raise FetchError(f"{name}: it has more than {limits.count:,} members, the most that is taken.")
    return target / path


def _write(source: BinaryIO, place: Path, size: int | None, counted: _Counted | None = None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with open(place, "xb") as stream:
        while piece := source.read(_CHUNK):
            written += len(piece)
            if counted:
                counted.add(len(piece))
            stream.write(piece)
    if size is not None and written != size:
        raise EOFError(f"{place.name} has {written} of {size} bytes")
