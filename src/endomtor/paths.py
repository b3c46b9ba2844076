"""Where things are: the book's root, its data, the build folder, the download cache."""

import os
from pathlib import Path

import platformdirs


def root() -> Path:
    """Return the book's root: the nearest folder upwards from the working directory that is one, else this clone."""
    # In text, since each piece of evidence asks three times and Path takes four times as long.
    folder = os.getcwd()
    while not (os.path.isfile(f"{folder}/_toc.yml") and os.path.isfile(f"{folder}/data/claims.toml")):
        above = os.path.dirname(folder)
        if above == folder:
            return Path(__file__).resolve().parents[2]
        folder = above
    return Path(folder)


def data() -> Path:
    """Return the folder of claims, registry, worlds and frozen tables."""
    return root() / "data"


def build_dir() -> Path:
    """Return the folder that a build writes: `ENDOMTOR_BUILD` when set, else `_build` in the root."""
    return Path(os.environ.get("ENDOMTOR_BUILD") or root() / "_build")


def evidence_dir() -> Path:
    """Return where a chapter writes its evidence.

    A build sets `ENDOMTOR_EVIDENCE`. A notebook run by hand writes elsewhere, so that it cannot change the ledger of
    the last build.
    """
    return Path(os.environ.get("ENDOMTOR_EVIDENCE") or root() / "_build" / "interactive" / "evidence")


def cache_dir() -> Path:
    """Return where downloads are kept: `ENDOMTOR_CACHE` when set, else the user's cache folder."""
    return Path(os.environ.get("ENDOMTOR_CACHE") or platformdirs.user_cache_dir("endomtor"))
