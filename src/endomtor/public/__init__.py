"""Other people's published measurements: where they are, how they are read, what the book computes from them.

`fetch` gets files, `prepare` gets what a build wants and never blocks it, `available` says where a file is. `table`
gives what the project computed from them: recomputed from the originals when those are here, else from
`data/derived/`. `downloads` is the ledger of all files. `ncbi`, `geo` and `archives` reach beyond the registry: to the
series of a paper, and to any series of GEO.
"""

from endomtor.public.download import available, fetch, original
from endomtor.public.frozen import freeze, frozen_table, prepare, table
from endomtor.public.listing import downloads
from endomtor.public.registry import PublicFile, load

__all__ = [
    "PublicFile",
    "available",
    "downloads",
    "fetch",
    "freeze",
    "frozen_table",
    "load",
    "original",
    "prepare",
    "table",
]
