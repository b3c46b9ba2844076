"""The list of public files, `data/registry.toml`."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from endomtor import paths
from endomtor.errors import FetchError

SCHEMA_VERSION = 1
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PublicFile:
    """One public file.

    Attributes
    ----------
    name : str
        What the user types, for example "ec-heart".
    file : str
        Its name in the cache and, if bundled, in `data/public/`.
    address : str
        https address that names a commit; a space is %20.
    licence : str
        An SPDX identifier, or a sentence that says that none is stated.
    bundled : bool
        True when a copy is part of the repository.
    citations : tuple[str, ...]
        Keys into `book/references.bib`.
    description : str
        One sentence.
    chapters : tuple[str, ...]
        Chapters that use it, for example "01_mtor_decline".
    """

    name: str
    file: str
    address: str
    bytes: int
    sha256: str
    licence: str
    bundled: bool
    citations: tuple[str, ...]
    description: str
    chapters: tuple[str, ...]


_TYPES = {
    field.name: {str: "text", int: "a whole number", bool: "true or false"}.get(field.type, "a list of texts")
    for field in fields(PublicFile)
    if field.name != "name"
}


def load(path: Path | None = None) -> dict[str, PublicFile]:
    """Read and check the registry.

    `FetchError` if the file is missing, is not TOML, or an entry has a missing, unknown or wrong value.

    Parameters
    ----------
    path : Path, optional
        Default: `data/registry.toml` of the book.

    Returns
    -------
    dict[str, PublicFile]
        In the file's order.
    """
    path = Path(path or paths.data() / "registry.toml")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FetchError(f"{path}: the registry of public files is missing.") from error
    except OSError as error:
        raise FetchError(f"{path}: cannot be read ({error.strerror}), expected the list of public files.") from error
    # tomllib recurses into nested brackets.
    except (ValueError, RecursionError) as error:
        raise FetchError(f"{path}: not a TOML file ({error}).") from error
    unknown = sorted(set(content) - {"schema_version", "files"})
    if unknown:
        raise FetchError(f"{path}: unknown key {unknown[0]!r}, expected schema_version and [files.NAME] tables.")
    if content.get("schema_version") != SCHEMA_VERSION:
        raise FetchError(f"{path}: schema_version is {content.get('schema_version')!r}, expected {SCHEMA_VERSION}.")
    files = content.get("files")
    if not isinstance(files, dict) or not files:
        raise FetchError(f"{path}: no [files.NAME] table, expected at least one.")
    entries = {name: _entry(path, name, raw) for name, raw in files.items()}
    for key in ("file", "address", "sha256"):
        seen: dict[str, str] = {}
        for entry in entries.values():
            value = getattr(entry, key)
            if value in seen:
                raise FetchError(
                    f"{path}: {key} of {entry.name} is also that of {seen[value]}, expected one entry a file."
                )
            seen[value] = entry.name
    return entries


def _entry(path: Path, name: str, raw: object) -> PublicFile:
    def fail(what: str):
        raise FetchError(f"{path}, [files.{name}]: {what}.".replace("?.", "?"))

    if not _NAME.fullmatch(name):
        fail("the name must be lower-case words joined by '-'")
    if not isinstance(raw, dict):
        fail("expected a table")
    for key in raw:
        if key not in _TYPES:
            near = difflib.get_close_matches(key, _TYPES, n=1)
            fail(f"unknown key {key!r}" + (f", did you mean {near[0]!r}?" if near else ""))
    for key, wanted in _TYPES.items():
        if key not in raw:
            fail(f"{key} is missing, expected {wanted}")
        if not _is(raw[key], wanted):
            fail(f"{key} is {raw[key]!r}, expected {wanted}")
    if not _FILE.fullmatch(raw["file"]):
        fail(f"file is {raw['file']!r}, expected a plain file name")
    try:
        parts = urlsplit(raw["address"])
    except ValueError as error:
        fail(f"address is {raw['address']!r}, expected a plain https address ({error})")
    if (
        parts.scheme != "https"
        or not parts.netloc
        or parts.query
        or parts.fragment
        or " " in raw["address"]
        or ".." in parts.path.split("/")
    ):
        fail(f"address is {raw['address']!r}, expected a plain https address with %20 for a space")
    if raw["bytes"] <= 0:
        fail(f"bytes is {raw['bytes']}, expected a positive number")
    if not _SHA256.fullmatch(raw["sha256"]):
        fail(f"sha256 is {raw['sha256']!r}, expected 64 lower-case hexadecimal digits")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return PublicFile(name=name, **values)


def _is(value: object, wanted: str) -> bool:
    if wanted == "text":
        return isinstance(value, str) and bool(value.strip())
    if wanted == "a whole number":
        return isinstance(value, int) and not isinstance(value, bool)
    if wanted == "true or false":
        return isinstance(value, bool)
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)


def pick(names: Iterable[str]) -> list[PublicFile]:
    """Return the entries of `names`, each once, in the order given.

    `FetchError` for a name that is not in the registry; the nearest one is suggested.
    """
    entries = load()
    chosen = []
    for name in dict.fromkeys(names):
        if name not in entries:
            near = difflib.get_close_matches(name, entries, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(entries)}."
            raise FetchError(f"No public data set is called {name!r}: {hint}")
        chosen.append(entries[name])
    return chosen
