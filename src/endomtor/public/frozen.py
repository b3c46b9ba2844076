"""What the project computes from public files: recomputed where the originals are, else read from `data/derived/`.

Both ways give the table in the same rounded form, so that what is computed from it does not depend on the way.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import io
import json
import math
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from endomtor import paths
from endomtor.errors import FetchError
from endomtor.files import sha256_of, write_bytes, write_text
from endomtor.provenance import Provenance
from endomtor.public import registry
from endomtor.public.download import NoNetworkError, available, fetch, mirrored

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "MANIFEST.toml"
# Ensembl ids and symbols: an input of our own, in the repository.
SYMBOLS = "genesets/mouse_ensembl_symbols.csv"
_EC = ("ec-brain", "ec-heart", "ec-kidney")
# Columns that begin so are log2 fold changes and their errors: four decimals. Other numbers keep six digits.
_FOUR_DECIMALS = ("lfc_", "se_")


@dataclass(frozen=True)
class Derived:
    """How one table is made.

    Attributes
    ----------
    file : str
        Its name in `data/derived/`.
    title, source : str
        For the provenance.
    originals : tuple[str, ...]
        Registry names of the files it is made from.
    tables : tuple[str, ...]
        Other derived tables it is made from.
    own : tuple[str, ...]
        Files of this repository it is made from, relative to `data/`.
    version : int
        Raised whenever the function would give another table from the same files.
    function : str
        Makes it, of the originals and then the other tables; the manifest names it.
    """

    file: str
    title: str
    source: str
    originals: tuple[str, ...]
    version: int
    function: str
    tables: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


_ITOKAWA = "GEO GSE162607 (Itokawa et al. 2022), counts from github.com/Itokawa-Naoki/Aging_HSC"
_EMECHEBE = "github.com/Emechebe/EndothelialCellTranscriptomeAnalysis"
_XIE = "Xie et al. 2022, individual mice from github.com/kshedden/case_studies"
_ITP = "Interventions Testing Program (Mouse Phenome Database, ITP1), lifespans from github.com/shs2017/Data-Literacy"
_SVENDSEN = "LT-HSCs of another laboratory, RPKM from github.com/artsvendsen/PhD"
_NEO1 = tuple(f"neo1-err32920{run}" for run in range(21, 30))
_GMT = ("public/msigdb_mtor_hallmarks.gmt",)

TABLES: dict[str, Derived] = {
    "hsc_aging_lfc": Derived(
        file="hsc_aging_lfc.csv.gz",
        title="GSE162607, eight marrow populations, old against young",
        source=_ITOKAWA,
        originals=("gse162607-counts", "gse162607-samples"),
        version=3,
        function="endomtor.public.hsc_aging.lfc_table",
    ),
    "endothelium_scores": Derived(
        file="endothelium_scores.csv",
        title="mTORC1 hallmark of sorted endothelium, a score a mouse",
        source=_EMECHEBE,
        originals=_EC,
        own=(SYMBOLS, *_GMT),
        version=1,
        function="endomtor.public.endothelium.score_table",
    ),
    "endothelium_genes": Derived(
        file="endothelium_genes.csv.gz",
        title="sorted endothelium, old against young, a fold change a gene",
        source=_EMECHEBE,
        originals=_EC,
        own=(SYMBOLS, *_GMT),
        version=1,
        function="endomtor.public.endothelium.gene_table",
    ),
    "single_hscs": Derived(
        file="single_hscs.csv",
        title="GSE87631, single HSCs of 4 and 18 months",
        source="GEO GSE87631, counts from github.com/artsvendsen/PhD",
        originals=("gse87631-cells", "svendsen-signature"),
        version=1,
        function="endomtor.public.single_cells.cell_table",
    ),
    "aging_blood": Derived(
        file="aging_blood.csv.gz",
        title="blood of individual C57BL/6J mice by age, four cohorts",
        source=_XIE,
        originals=("xie2022-mice",),
        version=1,
        function="endomtor.public.aging_cohorts.blood_table",
    ),
    "aging_balances": Derived(
        file="aging_balances.csv",
        title="lineage balances of individual C57BL/6J mice by age, two cohorts",
        source=_XIE,
        originals=("xie2022-mice",),
        version=1,
        function="endomtor.public.aging_cohorts.balance_table",
    ),
    "aging_blots": Derived(
        file="aging_blots.csv",
        title="phosphorylated S6, 4E-BP1 and Akt of three tissues at six ages",
        source=_XIE,
        originals=("xie2022-mice",),
        version=1,
        function="endomtor.public.aging_cohorts.blot_table",
    ),
    "do_slopes": Derived(
        file="do_slopes.csv",
        title="blood of DO females on five diets, slopes of age",
        source="github.com/AGDeighan, diet and aging in Diversity Outbred mice",
        originals=("do-facs-slopes", "do-facs-scales", "do-cbc-slopes", "do-cbc-scales"),
        version=1,
        function="endomtor.public.blood.slope_table",
    ),
    "lifespan_hazards": Derived(
        file="lifespan_hazards.csv",
        title="lifespans under rapamycin, hazard ratios",
        source=_ITP,
        originals=("itp1-lifespans",),
        version=2,
        function="endomtor.public.lifespans.hazard_table",
    ),
    "lifespan_curves": Derived(
        file="lifespan_curves.csv.gz",
        title="lifespans under rapamycin, survival",
        source=_ITP,
        originals=("itp1-lifespans",),
        version=1,
        function="endomtor.public.lifespans.curve_table",
    ),
    "recipient_shares": Derived(
        file="recipient_shares.csv",
        title="recipients with donor cells, by age of the donors",
        source="Su et al. 2024, tables from github.com/KI-LucLab",
        originals=("su2024-recipients", "su2024-progenitors", "su2024-script"),
        version=1,
        function="endomtor.public.recipients.share_table",
    ),
    "signature_scores": Derived(
        file="signature_scores.csv",
        title="aging signature of single animals, two laboratories",
        source=f"{_ITOKAWA}; {_SVENDSEN}",
        originals=("gse162607-counts", "gse162607-samples", "lt-hsc-rpkm", "svendsen-signature"),
        version=1,
        function="endomtor.public.hsc_animals.score_table",
    ),
    "signature_floor": Derived(
        file="signature_floor.csv",
        title="GSE162607, slopes of contrasts without a difference",
        source=_ITOKAWA,
        originals=("gse162607-counts", "gse162607-samples", "svendsen-signature"),
        version=1,
        function="endomtor.public.hsc_animals.floor_table",
    ),
    "lsk_mixture": Derived(
        file="lsk_mixture.csv",
        title="GSE162607, mixtures of LSK cells with assumed proportions",
        source=_ITOKAWA,
        originals=("gse162607-counts", "gse162607-samples", "svendsen-signature"),
        tables=("hsc_aging_lfc",),
        version=1,
        function="endomtor.public.hsc_animals.mixture_table",
    ),
    "neo1_scores": Derived(
        file="neo1_scores.csv",
        title="aging signature of HSCs without neogenin-1",
        source=f"ENA ERR3292021-29 (Renders et al. 2021), counts from {_SVENDSEN.rpartition(' ')[2]}",
        originals=("lt-hsc-rpkm", "svendsen-signature", *_NEO1),
        version=1,
        function="endomtor.public.hsc_animals.neo1_table",
    ),
    "hallmark_scores": Derived(
        file="hallmark_scores.csv",
        title="mTORC1 and inflammation in old HSCs and endothelium",
        source=f"{_ITOKAWA}; {_SVENDSEN}; {_EMECHEBE}",
        originals=("gse162607-counts", "gse162607-samples", "lt-hsc-rpkm", *_EC),
        own=("public/msigdb_inflammation_hallmarks.gmt", *_GMT),
        version=1,
        function="endomtor.public.hsc_animals.hallmark_table",
    ),
    "ec_gene_baseline": Derived(
        file="ec_gene_baseline.csv",
        title="genes of endothelial cells: mean and dispersion",
        source=_EMECHEBE,
        originals=_EC,
        tables=("hsc_aging_lfc",),
        own=(SYMBOLS, *_GMT),
        version=2,
        function="endomtor.public.baselines.endothelium",
    ),
    "hspc_gene_baseline": Derived(
        file="hspc_gene_baseline.csv",
        title="genes of HSCs: mean, dispersion, effect of age",
        source=_ITOKAWA,
        originals=("svendsen-signature",),
        tables=("hsc_aging_lfc", "ec_gene_baseline"),
        own=_GMT,
        version=3,
        function="endomtor.public.baselines.hspc",
    ),
}


def _made(name: str) -> pd.DataFrame:
    """Make a table from the originals, and from other tables made so."""
    derived = TABLES[name]
    inputs = [available(original) for original in derived.originals]
    if derived.originals == _EC:
        tissues = [original.removeprefix("ec-") for original in _EC]
        inputs = [dict(zip(tissues, inputs, strict=True)), paths.data() / SYMBOLS]
    # Imported here: a build that asks only which files are here does not wait for scipy.
    module, _, function = derived.function.rpartition(".")
    return getattr(import_module(module), function)(*inputs, *(_read(_recomputed(other)) for other in derived.tables))


def table(name: str) -> tuple[pd.DataFrame, Provenance]:
    """Return a derived table.

    Recomputed when every original is bundled or downloaded (once: the result is kept in the cache, under a key of the
    inputs' sha256 and the table's version), else read from `data/derived/`.

    `FetchError` for an unknown name, and when the frozen table is missing or is not the one the manifest names.

    Parameters
    ----------
    name : str
        One of `TABLES`.

    Returns
    -------
    DataFrame
    Provenance
        Kind "public"; `frozen` says which of the two ways it was. `sha256` is that of the frozen file, or of the list
        of the sha256 and names of everything that the table was recomputed from.
    """
    derived = _pick(name)
    if computable(name):
        path, frozen, sha256 = _recomputed(name), False, _digest(_inputs(name))
    else:
        path = _frozen(name)
        frozen, sha256 = True, sha256_of(path)
    return _read(path), Provenance(
        kind="public", title=derived.title, source=derived.source, sha256=sha256, frozen=frozen
    )


def prepare(offline: bool = False, progress: bool = False) -> list[str]:
    """Try to get every original of the derived tables; never raise for a file that cannot be had.

    One try a file, and none after the first sign that there is no network.

    Parameters
    ----------
    offline : bool
        Do not use the network (a mirror that is a folder is still read).
    progress : bool
        Show a bar a file on stderr.

    Returns
    -------
    list[str]
        A sentence for each reason why files are not here; the book then shows the frozen tables.
    """
    needed = sorted({name for derived in TABLES.values() for name in derived.originals})
    stopped = ""
    missing: dict[str, list[str]] = {}
    for entry in registry.pick(needed):
        if available(entry.name):
            continue
        if offline and "://" in mirrored(entry.address):
            stopped = "an offline build was asked for"
        if not stopped:
            try:
                fetch([entry.name], progress=progress, pauses=())
                continue
            except NoNetworkError as error:
                stopped = str(error).removeprefix(f"{entry.name}: ").rstrip(".")
            except FetchError as error:
                missing.setdefault(str(error).removeprefix(f"{entry.name}: ").rstrip("."), []).append(entry.name)
                continue
        missing.setdefault(stopped, []).append(entry.name)
    return [f"{', '.join(names)}: not fetched ({why}); frozen tables are used." for why, names in missing.items()]


def frozen_table(name: str) -> pd.DataFrame:
    """Return the table in `data/derived/`, whether or not the originals are here: worlds do not depend on downloads."""
    _pick(name)
    return _read(_frozen(name))


def computable(name: str) -> bool:
    """Return whether every original that a table needs, also through other tables, is here."""
    derived = _pick(name)
    return all(available(original) for original in derived.originals) and all(map(computable, derived.tables))


def freeze(names: tuple[str, ...] = tuple(TABLES)) -> list[Path]:
    """Recompute tables from the originals, cached or not, and write them and the manifest to `data/derived/`.

    `FetchError` when an original is not here: `endomtor fetch --all` gets them.
    """
    for name in names:
        if not computable(name):
            raise FetchError(f"{name}: an original is not here, `endomtor fetch --all` gets it.")
    folder = paths.data() / "derived"
    written = []
    for name in names:
        write_bytes(folder / TABLES[name].file, _recomputed(name, anew=True).read_bytes())
        written.append(folder / TABLES[name].file)
    place = folder / MANIFEST
    known = manifest() if place.is_file() else {}
    entries = {
        name: _manifest_entry(name) if name in names else known[name] for name in TABLES if name in {*names, *known}
    }
    lines = ["# Written by endomtor.public.freeze: what each frozen table is made of.", ""]
    for name, entry in entries.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items() if key != "inputs"]
        lines.append(f"[{name}.inputs]")
        lines += [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in entry["inputs"].items()]
        lines.append("")
    write_text(place, "\n".join(lines))
    return written


def manifest() -> dict[str, dict]:
    """Return what `data/derived/MANIFEST.toml` says: for each table its file, sha256, function, version and inputs.

    `FetchError`: it cannot be read, or an entry lacks one of them.
    """
    path = paths.data() / "derived" / MANIFEST
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FetchError(f"{path}: the manifest of the frozen tables cannot be read ({error}).") from error
    for name, entry in entries.items():
        if not isinstance(entry, dict) or not {"file", "sha256", "function", "version", "inputs"} <= entry.keys():
            raise FetchError(f"{path}, [{name}]: expected file, sha256, function, version and inputs.")
    return entries


def _pick(name: str) -> Derived:
    if name not in TABLES:
        near = difflib.get_close_matches(name, TABLES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(TABLES)}."
        raise FetchError(f"No derived table is called {name!r}: {hint}")
    return TABLES[name]


def _manifest_entry(name: str) -> dict:
    derived = TABLES[name]
    return {
        "file": derived.file,
        "sha256": sha256_of(paths.data() / "derived" / derived.file),
        "function": derived.function,
        "version": derived.version,
        "inputs": _inputs(name),
    }


def _inputs(name: str) -> dict[str, str]:
    """Return the sha256 of every file that a table is made of, also through other tables."""
    derived = TABLES[name]
    entries = registry.pick(derived.originals)
    found = {entry.name: entry.sha256 for entry in entries}
    found |= {f"data/{own}": sha256_of(paths.data() / own) for own in derived.own}
    for other in derived.tables:
        found |= _inputs(other)
    return dict(sorted(found.items()))


def _digest(inputs: dict[str, str]) -> str:
    return hashlib.sha256("".join(f"{sha256}  {name}\n" for name, sha256 in inputs.items()).encode()).hexdigest()


def _versions(name: str) -> str:
    derived = TABLES[name]
    return f"{name}-{derived.version}" + "".join(f"+{_versions(other)}" for other in derived.tables)


def _recomputed(name: str, anew: bool = False) -> Path:
    """Return the cached recomputation of a table, made now if there is none or if `anew`."""
    derived = TABLES[name]
    key = hashlib.sha256(f"{_versions(name)} {_digest(_inputs(name))}".encode()).hexdigest()[:16]
    path = paths.cache_dir() / "derived" / key / derived.file
    if anew or not path.is_file():
        write_bytes(path, _serialised(_made(name), packed=derived.file.endswith(".gz")))
    return path


def _serialised(frame: pd.DataFrame, packed: bool) -> bytes:
    """Return the CSV bytes of a table; the same table gives the same bytes."""
    text = frame.copy()
    for column in text.select_dtypes("float").columns:
        style = "{:.4f}" if column.startswith(_FOUR_DECIMALS) or column == "lfc" else "{:.6g}"
        # Adding 0.0 to the rounded value turns -0.0000 into 0.0000.
        text[column] = [
            "" if math.isnan(value) else style.format(float(style.format(value)) + 0.0) for value in frame[column]
        ]
    buffer = io.StringIO()
    text.to_csv(buffer, index=False, lineterminator="\n")
    content = buffer.getvalue().encode("utf-8")
    return gzip.compress(content, compresslevel=9, mtime=0) if packed else content


def _frozen(name: str) -> Path:
    entry = manifest().get(name)
    path = paths.data() / "derived" / TABLES[name].file
    if entry is None or not path.is_file():
        raise FetchError(f"{path}: the frozen table is missing, restore data/derived/ from the repository.")
    if sha256_of(path) != entry["sha256"]:
        raise FetchError(f"{path}: not the table that {MANIFEST} names, restore data/derived/ from the repository.")
    return path


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    # Only an empty cell is missing: a gene may be called Nan.
    return pd.read_csv(path, keep_default_na=False, na_values=[""])
