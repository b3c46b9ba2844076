"""A series of GEO becomes a draft of a data directory: a count matrix, and a sample sheet for the user to complete.

What a count matrix is, is recognised by what is in it, not by its name: whole numbers, two or more samples, gene ids or
symbols. A cell of the sheet that GEO's record does not answer stays empty, and `endomtor check` names it: nothing is
guessed that a verdict would rest on.
"""

import csv
import gzip
import io
import json
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from endomtor import files, paths
from endomtor.errors import FetchError
from endomtor.public import archives, ncbi, originals, transfer

# More columns than this are single cells.
MOST_SAMPLES = 1_000
# Fewer rows than this are no transcriptome.
FEWEST_GENES = 100
_ENSEMBL = re.compile(r"(ENS[A-Z]*G\d{6,})(?:\.\d+)?")
_SYMBOL = re.compile(r"[A-Za-z][\w.@/()'-]*")
_TABLE = re.compile(r"\.(txt|tsv|csv|tab|counts?|htseq)(\.gz)?$", re.IGNORECASE)
_TAR = re.compile(r"\.(tar|tar\.gz|tgz|zip)$", re.IGNORECASE)
_COUNTS = re.compile(r"count|raw|htseq|readspergene", re.IGNORECASE)
_OTHER = re.compile(
    r"fpkm|rpkm|(?<![a-z])[tc]pm|normali[sz]|(?<![a-z])norm(?![a-z])|rlog|(?<![a-z])(vst|deg)|deseq|edger|diff|peak|fold",
    re.IGNORECASE,
)
_FILE = re.compile(r"[A-Za-z0-9][\w.+-]*")
# Columns that describe a gene and hold numbers.
_ABOUT_GENES = {
    *("start", "end", "stop", "length", "width", "strand", "chr", "chrom", "chromosome", "gene_length", "genelength"),
    *("entrez", "entrezid", "entrez_id", "entrezgene", "gc", "gc_content", "transcript_length", "exon_length"),
}
_IDS = {"gene", "genes", "gene_id", "geneid", "ensembl", "ensembl_id", "ensembl_gene_id", "ensemblid", "id"}
_SYMBOLS = {
    *("symbol", "gene_symbol", "genesymbol", "gene_name", "genename"),
    *("external_gene_name", "mgi_symbol", "gene_short_name"),
}
# Of a range, or of two ages in the title of a whole study, both. In running text a lone letter may be anything: of 24m
# only a column `age` says that months are meant.
_AGE = re.compile(
    r"(?<![\w.])(?:(\d+(?:\.\d+)?) ?(?:and|or|to|vs?\.?|,|/|-|\u2013) ?)?(\d+(?:\.\d+)?)[ -]?"
    r"(wk|week|mo|month|yr|year)s?(?![a-z])"
)
_WEEKS = {"w": 1.0, "m": 365.25 / 12 / 7, "y": 365.25 / 7}
YOUNG, AGED = (6.0, 26.5), 78.0
"""Ages in weeks that a draft calls young (6 weeks to 6 months) and aged (from 18 months on): an assumption."""
_TO_ANSWER = ("animal", "group", "sex")


@dataclass(frozen=True)
class Sample:
    """A sample of a series, from its SOFT header.

    Attributes
    ----------
    characteristics : dict[str, str]
        Like {"age": "10 weeks"}.
    addresses : tuple[str, ...]
        Its supplementary files.
    """

    accession: str
    title: str = ""
    source: str = ""
    description: str = ""
    organism: str = ""
    characteristics: dict[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """The SOFT header of a series: accession, title, its supplementary files and its samples."""

    accession: str
    title: str
    addresses: tuple[str, ...]
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Matrix:
    """Raw counts, and what was done to read them.

    Attributes
    ----------
    counts : DataFrame
        Genes (symbols where known, else Ensembl ids without version) x samples, int64.
    versions : int
        Ensembl ids whose version was stripped.
    summed : int
        Rows that were added to another of the same gene.
    named : int
        Ensembl ids for which a symbol was known.
    left_out : tuple[str, ...]
        Columns and rows that hold no counts of genes.
    """

    counts: pd.DataFrame
    versions: int
    summed: int
    named: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Draft:
    """What `draft` has written.

    Attributes
    ----------
    file : str
        The supplementary file that held the counts.
    unmatched : tuple[str, ...]
        Samples of the matrix for which no record of GEO was found.
    notes : tuple[str, ...]
        Sentences on what was done, as in the folder's README.md.
    """

    folder: Path
    file: str
    matrix: Matrix
    unmatched: tuple[str, ...]
    notes: tuple[str, ...]


def record(accession: str, *, progress: bool = False) -> Record:
    """Get the SOFT header of a series and read it.

    `FetchError` when GEO does not have it or what it sends is no SOFT file.
    """
    accession = ncbi.accession_of(accession)
    folder = ncbi.cache(accession)
    with transfer.alone(folder):
        (path,) = ncbi.get([ncbi.soft_address(accession)], folder, progress=progress)
        return read_soft(path, accession)


def read_soft(path: Path, accession: str) -> Record:
    """Read a family file in GEO's SOFT format; its data tables are passed over.

    `FetchError` when the file is damaged or holds no such series.
    """
    series: dict[str, list[str]] = {}
    samples: dict[str, dict[str, list[str]]] = {}
    here: dict[str, list[str]] = {}
    with archives.opened(path) as stream:
        for line in io.TextIOWrapper(stream, encoding="utf-8", errors="replace"):
            name, equals, value = line.rstrip("\r\n").partition(" = ")
            if line.startswith("^"):
                here = {}
                if name == "^SERIES" and value == accession:
                    here = series
                elif name == "^SAMPLE":
                    here = samples.setdefault(value, {})
            elif line.startswith("!") and equals:
                here.setdefault(name.partition("_")[2], []).append(value.strip())
    if not series:
        raise FetchError(f"{path.name}: no line ^SERIES = {accession}, expected the SOFT file of that series.")
    return Record(
        accession=accession,
        title=_first(series, "title"),
        addresses=_addresses(series),
        samples=tuple(
            Sample(
                accession=name,
                title=_first(about, "title"),
                source=_first(about, "source_name_ch1"),
                description=" ".join(about.get("description", [])),
                organism=_first(about, "organism_ch1"),
                characteristics=_characteristics(about.get("characteristics_ch1", [])),
                addresses=_addresses(about),
            )
            for name, about in samples.items()
        ),
    )


def _first(about: dict[str, list[str]], key: str) -> str:
    return about.get(key, [""])[0]


def _characteristics(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines)
    return {key.strip().lower(): value.strip() for key, _, value in pairs if value.strip()}


def _addresses(about: dict[str, list[str]]) -> tuple[str, ...]:
    """Return supplementary files over https: GEO writes ftp addresses of a host that speaks both."""
    found = []
    for key, values in about.items():
        for value in values if key.startswith("supplementary_file") else ():
            try:
                parts = urlsplit(value)
            except ValueError:
                continue
            # A record is text that others wrote: nothing but GEO's own files is fetched on its word.
            own = parts.netloc == urlsplit(ncbi.GEO).netloc and parts.path.startswith("/geo/")
            if own and ".." not in parts.path and _FILE.fullmatch(parts.path.rsplit("/", 1)[-1]):
                found.append(f"https://{parts.netloc}{parts.path}")
    return tuple(dict.fromkeys(found))


def draft(accession: str, out: Path, *, file: str | None = None, progress: bool = False) -> Draft:
    """Get a series of GEO and write it as a data directory, whose sample sheet the user completes.

    `FetchError` when there is no such series, no or more than one count matrix is recognised, or `out` exists.

    Parameters
    ----------
    accession : str
        Like "GSE162607".
    out : Path
        The folder to write; it must not be there yet.
    file : str, optional
        The supplementary file with the counts, where several could be it.
    progress : bool
        Show bars on stderr.
    """
    accession = ncbi.accession_of(accession)
    out = Path(out)
    if out.exists():
        raise FetchError(f"{out} exists, expected a new folder: a sheet that you have completed is not overwritten.")
    about = record(accession, progress=progress)
    folder = ncbi.cache(accession)
    with transfer.alone(folder):
        source, matrix = _counts_of(about, folder, file, progress)
    names = _safe_names(list(matrix.counts.columns))
    matrix.counts.columns = names
    matched = match(names, about.samples)
    notes = _notes(about, source, matrix, matched)
    try:
        with files.replacing(out) as beside:
            _write(beside, about, source, matrix, matched, notes)
    except OSError as error:
        raise FetchError(f"{out} could not be written ({error.strerror or error}).") from error
    return Draft(out, source.name, matrix, tuple(name for name in names if name not in matched), notes)


def _counts_of(about: Record, folder: Path, file: str | None, progress: bool) -> tuple[Path, Matrix]:
    addresses = about.addresses or tuple(one for sample in about.samples for one in sample.addresses)
    by_name = {address.rsplit("/", 1)[-1]: address for address in addresses}
    if not by_name:
        raise FetchError(f"{about.accession} has no supplementary files at GEO, expected one with counts.")
    if file is not None and file not in by_name:
        raise FetchError(f"{about.accession} has no file {file!r}, expected one of {', '.join(by_name)}.")
    if not about.addresses and file is None:
        return _per_sample(list(by_name.values()), about, folder, progress)
    rounds = [[file]] if file else _rounds(list(by_name))
    reasons: dict[str, str] = {}
    for names in rounds:
        found = {}
        for name in names:
            (path,) = _once([by_name[name]], folder, progress)
            try:
                found[name] = _recognised(path, folder)
            except FetchError as error:
                reasons[name] = str(error).removeprefix(f"{name}: ").rstrip(".")
        if len(found) > 1:
            raise FetchError(
                f"{about.accession} has several count matrices, say which with --file: {', '.join(found)}."
            )
        if found:
            ((name, matrix),) = found.items()
            return folder / name, matrix
    seen = "; ".join(f"{name}: {reason}" for name, reason in reasons.items()) or f"its files are {', '.join(by_name)}"
    raise FetchError(f"{about.accession}: no count matrix was recognised ({seen}).")


def _rounds(names: list[str]) -> list[list[str]]:
    """Return what to try first, second and third: tables that say counts, then other tables, then archives."""
    tables = [name for name in names if _TABLE.search(name) and not _OTHER.search(_stem(name))]
    first = [name for name in tables if _COUNTS.search(_stem(name))]
    return [first, [name for name in tables if name not in first], [name for name in names if _TAR.search(name)]]


def _stem(name: str) -> str:
    return re.sub(r"^GS[EM]\d+_?", "", name)


def _once(addresses: list[str], folder: Path, progress: bool) -> list[Path]:
    """Get files unless they are here: a supplementary file of GEO does not change under its name."""
    missing = [address for address in addresses if not (folder / address.rsplit("/", 1)[-1]).is_file()]
    if missing:
        ncbi.get(missing, folder, progress=progress)
    return [folder / address.rsplit("/", 1)[-1] for address in addresses]


def _recognised(path: Path, folder: Path) -> Matrix:
    if not _TAR.search(path.name):
        return read_matrix(path)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unpacked.") as beside:
        found = archives.extract(path, Path(beside) / "it")
        tables = [one for one in found if _TABLE.search(one.name)]
        return read_matrix(tables[0]) if len(tables) == 1 else join_samples(found)


def _per_sample(addresses: list[str], about: Record, folder: Path, progress: bool) -> tuple[Path, Matrix]:
    tables = [address for address in addresses if _TABLE.search(address)]
    if not tables:
        raise FetchError(f"{about.accession}: no table is among its samples' files, expected counts.")
    found = _once(tables, folder, progress)
    return found[0], join_samples(found)


def read_matrix(path: Path) -> Matrix:
    """Read one table of counts: genes in rows, samples in columns, beside columns that describe the gene.

    `FetchError` with what speaks against raw counts: normalised values, single cells, no gene ids.
    """
    frame = _frame(path)
    ids, symbols, rest = _gene_columns(path, frame)
    samples, left_out = {}, []
    for position in rest:
        name = str(frame.columns[position])
        if name.strip().lower().replace(" ", "_") in _ABOUT_GENES:
            left_out.append(name)
            continue
        values = pd.to_numeric(frame.iloc[:, position], errors="coerce")
        if (wrong := values.isna()).any():
            if wrong.mean() < 0.1:
                cell = frame.iloc[int(np.argmax(wrong)), position]
                raise FetchError(f"{path.name}: column {name} holds {cell!r}, expected counts.")
            left_out.append(name)
        else:
            samples[name] = values
    if len(samples) < 2:
        raise FetchError(f"{path.name}: {len(samples)} column of numbers, expected two or more samples.")
    return _matrix(path.name, ids, symbols, pd.DataFrame(samples), left_out)


def join_samples(found: list[Path]) -> Matrix:
    """Join tables of one sample each, as HTSeq, featureCounts and STAR write them; a name begins with GSM.

    STAR's first column, which takes no side on the strand, is read.

    `FetchError` when the files are no such tables, belong to single cells, or hold different genes.
    """
    tables = [path for path in found if _TABLE.search(path.name)]
    if any(re.search(r"(barcodes|features|matrix)\.(tsv|mtx)(\.gz)?$", path.name) for path in found):
        raise FetchError("barcodes and features of single cells are in it, expected one table of counts a sample.")
    tables = [path for path in tables if not _OTHER.search(_stem(path.name))]
    by_sample: dict[str, list[Path]] = {}
    for path in tables:
        label = re.match(r"GSM\d+", path.name)
        if label is None:
            raise FetchError(f"{path.name}: it names no sample, expected a name that begins with GSM and a number.")
        by_sample.setdefault(label.group(), []).append(path)
    for label, several in by_sample.items():
        if len(several) > 1:
            said = [path for path in several if _COUNTS.search(_stem(path.name))]
            if len(said) != 1:
                names = ", ".join(path.name for path in several)
                raise FetchError(f"{label} has several tables ({names}), expected one with counts.")
            by_sample[label] = said
    if len(by_sample) < 2:
        raise FetchError(f"{len(by_sample)} table of counts is in it, expected one a sample.")
    columns = {label: _one_sample(path) for label, (path,) in sorted(by_sample.items())}
    first = next(iter(columns))
    genes = columns[first].index
    for label, column in columns.items():
        if Counter(column.index) != Counter(genes):
            raise FetchError(f"{label} has other genes than {first}, expected the same genes in each sample.")
        if not column.index.equals(genes):
            if genes.has_duplicates:
                raise FetchError(f"{label} and {first} list genes twice and in different orders, expected one order.")
            columns[label] = column.reindex(genes)
    counts = pd.DataFrame({label: column.to_numpy() for label, column in columns.items()})
    return _matrix("the joined samples", genes.to_series(), None, counts, [])


def _one_sample(path: Path) -> pd.Series:
    frame = _frame(path)
    names = [str(name).strip().lower() for name in frame.columns]
    counting = [k for k, name in enumerate(names) if k and "count" in name]
    if frame.shape[1] == 2 or names[1:] == ["unstranded", "forward", "reverse"]:
        position = 1
    elif names[0] == "geneid" and "length" in names:
        position = frame.shape[1] - 1
    elif len(counting) == 1:
        position = counting[0]
    else:
        raise FetchError(f"{path.name}: columns {', '.join(names[:8])}, expected a gene and its count.")
    values = pd.to_numeric(frame.iloc[:, position], errors="coerce")
    if values.isna().any():
        raise FetchError(f"{path.name}: {frame.iloc[int(np.argmax(values.isna())), position]!r}, expected a count.")
    return pd.Series(values.to_numpy(), index=frame.iloc[:, 0].str.strip())


def _frame(path: Path) -> pd.DataFrame:
    """Read a table as text, with or without a header, R's header that lacks the first name included."""
    with archives.opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=None)
        try:
            start = list(islice(text, 40))
        except UnicodeDecodeError as error:
            raise FetchError(f"{path.name}: it is no text, expected a table.") from error
    if any("\0" in line for line in start):
        raise FetchError(f"{path.name}: it is no text, expected a table.")
    comments = sum(1 for line in start if line.startswith(("#", "!")))
    rows = [line.rstrip("\n") for line in start[comments:] if line.strip()]
    if len(rows) < 2:
        raise FetchError(f"{path.name}: {len(rows)} row, expected a table.")
    separator = max("\t,; ", key=lambda mark: (rows[1].count(mark) > 0, -"\t,; ".index(mark)))
    try:
        head, body = ([cell.strip() for cell in row] for row in csv.reader(rows[:2], delimiter=separator))
    # A quote that is not closed joins the two rows.
    except (csv.Error, ValueError) as error:
        raise FetchError(f"{path.name}: its first rows cannot be told apart ({error}), expected a table.") from error
    if len(body) > MOST_SAMPLES:
        raise FetchError(f"{path.name}: {len(body)} columns look like single cells, expected samples.")
    header = _has_header(head)
    names = head if header else _names(len(body))
    if header and len(head) == len(body) - 1:
        names = ["gene", *head]
    with archives.opened(path) as stream:
        try:
            return pd.read_csv(
                io.TextIOWrapper(stream, encoding="utf-8-sig"),
                sep=separator,
                names=names,
                header=None,
                index_col=False,
                skiprows=comments + header,
                dtype=str,
                keep_default_na=False,
                on_bad_lines="error",
            )
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError) as error:
            raise FetchError(f"{path.name}: it cannot be read as a table ({str(error).strip()}).") from error


def _has_header(head: list[str]) -> bool:
    if head[0].lower() in _IDS | {""}:
        return True
    try:
        [float(cell) for cell in head[1:]]
    except ValueError:
        return True
    # One cell alone is R's header of a single sample.
    return len(head) == 1


def _names(width: int) -> list[str]:
    # STAR's ReadsPerGene has four columns and no header.
    return ["gene", "unstranded", "forward", "reverse"] if width == 4 else ["gene", *(str(k) for k in range(1, width))]


def _gene_columns(path: Path, frame: pd.DataFrame) -> tuple[pd.Series, pd.Series | None, list[int]]:
    """Return ids, symbols (None where there is no such column) and the positions of the other columns."""
    lower = [str(name).strip().lower().replace(" ", "_").replace(".", "_") for name in frame.columns]
    at = next((k for k, name in enumerate(lower) if name in _IDS), 0)
    named = next((k for k, name in enumerate(lower) if name in _SYMBOLS and k != at), None)
    rest = [k for k in range(len(lower)) if k not in (at, named)]
    ids = frame.iloc[:, at].str.strip()
    return ids, None if named is None else frame.iloc[:, named].str.strip(), rest


def _matrix(name: str, ids: pd.Series, symbols: pd.Series | None, counts: pd.DataFrame, left_out: list[str]) -> Matrix:
    ids = ids.reset_index(drop=True)
    counts = counts.reset_index(drop=True)
    # HTSeq's and STAR's summaries of reads that belong to no gene.
    summary = ids.str.startswith("__") | ids.isin(("", "N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous"))
    if summary.any():
        left_out = [*left_out, f"{summary.sum()} rows that name no gene"]
    keep = ~summary
    ids, counts = ids[keep], counts[keep]
    if len(ids) < FEWEST_GENES:
        raise FetchError(f"{name}: {len(ids)} genes, expected {FEWEST_GENES} or more.")
    ensembl = ids.str.extract(f"^{_ENSEMBL.pattern}$")[0]
    genes = ensembl.notna() | ids.str.fullmatch(_SYMBOL.pattern)
    if ids.str.fullmatch(r"ENS[A-Z]*T\d+(\.\d+)?").mean() > 0.5:
        raise FetchError(f"{name}: ids of transcripts like {ids.iloc[0]!r}, expected genes.")
    # Rows such as "1-Mar", a symbol that a spreadsheet has turned into a date, are few.
    if genes.mean() < 0.9:
        raise FetchError(f"{name}: ids like {ids[~genes].iloc[0]!r}, expected Ensembl ids or symbols of genes.")
    values = counts.to_numpy(dtype=float)
    odd = ~np.isfinite(values) | (values < 0) | (values != np.floor(values)) | (values >= 2**53)
    if odd.any():
        example = values[odd][0]
        raise FetchError(f"{name}: {example:g} is among the values, expected raw counts (0, 1, 2 …).")
    label = ensembl.fillna(ids)
    known = originals.ensembl_symbols(paths.data() / "genesets" / "mouse_ensembl_symbols.csv")
    if symbols is not None:
        given = symbols.reset_index(drop=True)[keep]
        # Some tables give "NA" or a hyphen where there is no symbol.
        given = given.where(given.str.fullmatch(_SYMBOL.pattern) & ~given.isin(("NA", "NaN", "nan")))
    else:
        given = ensembl.map(known)
    named = int((ensembl.notna() & given.notna()).sum())
    label = given.fillna(label)
    whole = pd.DataFrame(values.astype(np.int64), columns=counts.columns)
    whole.insert(0, "gene", label.to_numpy())
    joined = whole.groupby("gene", sort=False).sum()
    return Matrix(
        counts=joined,
        versions=int((ensembl.notna() & (ensembl != ids)).sum()),
        summed=len(whole) - len(joined),
        named=named,
        left_out=tuple(left_out),
    )


def match(names: list[str], samples: tuple[Sample, ...]) -> dict[str, Sample]:
    """Find the record of each column of a matrix: by accession or title, else where one alone mentions the other.

    Returns
    -------
    dict[str, Sample]
        Without the columns for which none, or more than one, was found, and without records claimed twice.
    """
    exact: dict[str, list[Sample]] = {}
    for sample in samples:
        for text in {_plain(text) for text in (sample.accession, sample.title, sample.description)} - {""}:
            exact.setdefault(text, []).append(sample)
    found = {}
    for name in names:
        candidates = exact.get(_plain(name), [])
        if not candidates and len(_plain(name)) >= 3:
            candidates = [one for one in samples if _plain(name) in _plain(f"{one.title} | {one.description}")]
        if len(candidates) == 1:
            found[name] = candidates[0]
    claimed = Counter(sample.accession for sample in found.values())
    return {name: sample for name, sample in found.items() if claimed[sample.accession] == 1}


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def sheet(names: list[str], matched: dict[str, Sample]) -> pd.DataFrame:
    """Draft a sample sheet: what GEO's record says outright is filled in, the rest stays empty.

    Returns
    -------
    DataFrame
        One row a sample, all text. `to_complete` names the cells that the contract demands and that are empty; it and
        the columns that begin with `geo_` may be deleted.
    """
    rows = []
    for name in names:
        sample = matched.get(name, Sample(accession=""))
        about = sample.characteristics
        row = {
            "sample": name,
            "animal": _answer(about, "animal", "animal id", "mouse", "mouse id", "individual", "subject id"),
            "group": _group(sample),
            "sex": {"female": "F", "f": "F", "male": "M", "m": "M"}.get(_answer(about, "sex", "gender").lower(), ""),
            "batch": _answer(about, "batch"),
            "population": "",
            "age_weeks": _weeks(_answer(about, "age")),
        }
        row["to_complete"] = " ".join(key for key in _TO_ANSWER if not row[key])
        row |= {
            "geo_accession": sample.accession,
            "geo_title": sample.title,
            "geo_source": sample.source,
            "geo_characteristics": "; ".join(f"{key}: {value}" for key, value in about.items()),
        }
        rows.append({key: _one_line(value) for key, value in row.items()})
    return pd.DataFrame(rows)


def _answer(about: dict[str, str], *keys: str) -> str:
    return next((about[key] for key in keys if key in about), "")


def _group(sample: Sample) -> str:
    """Return young or aged where the record says one of them, and nothing of a genotype or treatment.

    An age in numbers decides ("mice aged 8 weeks" are young), words only where there is none; else the user does.
    """
    about = sample.characteristics
    if any("genotype" in key or "treatment" in key or "knock" in key for key in about):
        return ""
    text = f"{sample.title} {sample.source} {' '.join(about.values())}".lower().replace("_", " ")
    ages = [float(one) * _WEEKS[unit[0]] for *numbers, unit in _AGE.findall(text) for one in numbers if one]
    if weeks := _weeks(_answer(about, "age")):
        ages.append(float(weeks))
    if ages:
        said = {"young" if YOUNG[0] <= age <= YOUNG[1] else "aged" if age >= AGED else "" for age in ages}
    else:
        words = set(re.findall("[a-z]+", re.sub("middle[ -]?aged?", "", text)))
        said = {group for word, group in {"young": "young", "aged": "aged", "old": "aged"}.items() if word in words}
        # Neither old nor young.
        said |= {""} if "middle" in text else set()
    return said.pop() if len(said) == 1 else ""


def _weeks(age: str) -> str:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)[ -]*(w|wk|week|m|mo|month)s?(?:[ -]old)?", age.strip().lower())
    if not found:
        return ""
    weeks = float(found.group(1)) * _WEEKS[found.group(2)[0]]
    return f"{weeks:.1f}".removesuffix(".0")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _safe_names(names: list[str]) -> list[str]:
    # The sheet and the matrix must agree on a name, so it is made inert before either is written.
    safe = [files.inert(_one_line(str(name))) for name in names]
    if "" in safe or len(set(safe)) < len(safe):
        raise FetchError("A sample of the matrix has no name, or two have the same one, expected one name a sample.")
    return safe


def _notes(about: Record, source: Path, matrix: Matrix, matched: dict[str, Sample]) -> tuple[str, ...]:
    genes, samples = matrix.counts.shape
    organisms = sorted({sample.organism for sample in about.samples if sample.organism} - {"Mus musculus"})
    ids = sum(bool(_ENSEMBL.fullmatch(gene)) for gene in matrix.counts.index)
    left = ", ".join(matrix.left_out)
    sentences = {
        f"{genes:,} genes and {samples} samples were read from {source.name}.": True,
        f"The version was stripped from {matrix.versions:,} Ensembl ids.": matrix.versions,
        f"{matrix.named:,} Ensembl ids became symbols.": matrix.named,
        f"{ids:,} genes keep their Ensembl id, since no symbol is known here; the chapters look for symbols.": ids,
        f"{matrix.summed:,} rows were added to another row of the same gene.": matrix.summed,
        f"Left out as no counts: {left}.": left,
        f"{samples - len(matched)} samples have no record at GEO that could be told by name.": samples - len(matched),
        f"The organism is {', '.join(organisms)}, and the book is on mice.": organisms,
    }
    return tuple(sentence for sentence, said in sentences.items() if said)


def _write(
    folder: Path, about: Record, source: Path, matrix: Matrix, matched: dict[str, Sample], notes: tuple[str, ...]
) -> None:
    content = files.table_text(matrix.counts.reset_index()).encode()
    files.write_bytes(folder / "hspc_counts.csv.gz", gzip.compress(content, mtime=0))
    draft_sheet = sheet(list(matrix.counts.columns), matched)
    files.write_text(folder / "hspc_samples.csv", files.table_text(draft_sheet))
    link = f"https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc={about.accession}"
    values = {
        "title": "".join(mark for mark in about.title if mark.isprintable()).strip() or about.accession,
        "provenance": "public",
        "source": f"GEO {about.accession}, {link}",
    }
    files.write_text(
        folder / "dataset.toml",
        "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()),
    )
    addresses = [one for one in about.addresses if one.endswith(f"/{source.name}")] or [
        one for sample in about.samples for one in sample.addresses if _TABLE.search(one)
    ]
    cached = ncbi.cache(about.accession)
    obtained = [
        f"| <{address}> | {path.stat().st_size} | {files.sha256_of(path)} |"
        for address in (ncbi.soft_address(about.accession), *addresses)
        if (path := cached / address.rsplit("/", 1)[-1]).is_file()
    ]
    lines = [
        f"# {about.accession}: a draft for you to complete",
        "",
        f"`endomtor fetch --geo {about.accession}` wrote this folder from <{link}>.",
        "",
        *(f"- {note}" for note in notes),
        "",
        "## What is left to you",
        "",
        "Fill in `hspc_samples.csv`: the column `to_complete` names the empty cells of each row that the book needs.",
        "`animal` is the mouse, and two samples of one mouse share it.",
        "`group` is young, aged, control or ecko.",
        "`sex` is F, M, mixed or unknown.",
        "A `group` that is filled in stood in GEO's record as a word; look at it all the same.",
        "The columns `to_complete` and `geo_…` are there to help and may be deleted.",
        "Then `endomtor check` on this folder says what is still missing.",
        "",
        "## Where it comes from",
        "",
        "| address | bytes | sha256 |",
        "| --- | --- | --- |",
        *obtained,
        "",
    ]
    files.write_text(folder / "README.md", "\n".join(lines))
