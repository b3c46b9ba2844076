"""From bytes to parsed cells. Every cell is read as text first; what parses goes on to the rules."""

from __future__ import annotations

import codecs
import contextlib
import csv
import faulthandler
import gzip
import hashlib
import io
import os
import re
import resource
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from endomtor import cells as single_cells
from endomtor.contract import excel
from endomtor.contract.excel import LARGEST_UNPACKED, NUMBER
from endomtor.contract.problems import Problem, error, listed, nearest, warning
from endomtor.contract.tables import TABLES, Column, Table
from endomtor.files import refuse_special, sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import anndata

    from endomtor.cells import StoredCells

_DECIMAL_COMMA = re.compile(r"([+-]?[0-9]+),([0-9]+)")
# What Excel makes of Sept2 and March3, as it shows and as it exports them, and of clones such as 2310009E13.
_GENE_DATE = re.compile(
    r"[0-9]{1,2}-(?:mar|sep|sept|dec|apr|oct|nov)(?:-[0-9]{2,4})?|(?:mar|sep|sept|dec|apr|oct|nov)-[0-9]{1,4}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|[0-9]{1,2}[/.][0-9]{1,2}[/.][0-9]{2,4}|[0-9](?:\.[0-9]+)?e\+[0-9]+",
    re.IGNORECASE,
)
# Line breaks, Unicode's own included, and what terminals obey.
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# Above this a double no longer holds every integer.
_LARGEST_INTEGER = 2**53
# What STAR and HTSeq write of reads that belong to no gene.
_NO_GENE = re.compile(r"N_(unmapped|multimapping|noFeature|ambiguous)$|__\w+$")
_RAW_COUNT = "a raw count, an integer of at least 0"
# A matrix with so many decimals, and this share of its values, is normalised; with fewer it has slips (assumptions).
_FEW, _SHARE = 20, 0.01
EXCEL = ".xlsx"
_GZIP, _HDF5, _ZIP = b"\x1f\x8b", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"


@dataclass
class Sheet:
    """One table as far as it could be read.

    Attributes
    ----------
    file : str
        Name inside the data directory.
    raw : pandas.DataFrame
        The cells as text; the index is the row as a spreadsheet counts.
    frame : pandas.DataFrame
        The parsed cells on the same index; None or NaN where a cell is empty or at fault.
    cells : anndata.AnnData, StoredCells or None
        For `bmec_cells` with a sound count matrix; `raw` and `frame` hold its `obs`.
    """

    table: Table
    file: str
    raw: pd.DataFrame
    frame: pd.DataFrame
    cells: anndata.AnnData | StoredCells | None = None


def read_table(path: Path, table: Table) -> tuple[Sheet | None, list[Problem], str]:
    """Read one file of the data directory.

    Returns
    -------
    sheet : Sheet or None
        None when nothing could be made of the file.
    problems : list[Problem]
        Faults of the file and of single cells; rules over cells come later.
    digest : str
        sha256 of the file, "" when it could not be read.
    """
    try:
        refuse_special(path)
        if table.suffix == ".h5ad":
            digest = sha256_of(path)
            sheet, problems = _read_h5ad(path, table)
        else:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            read = _read_excel if path.name.endswith(EXCEL) else _read_csv
            sheet, problems = read(path.name, content, table)
    except OSError as fault:
        return None, [error(path.name, f"a file that can be read ({fault.strerror or type(fault).__name__})")], ""
    return sheet, problems, digest


def _read_csv(file: str, content: bytes, table: Table) -> tuple[Sheet | None, list[Problem]]:
    text, problem = decode(file, content)
    if problem:
        return None, [problem]
    header, rows, problems = split(file, text, may_be_empty=table.name == "exclusions")
    return (None, problems) if problems else _parsed(table, file, header, rows)


def _read_excel(file: str, content: bytes, table: Table) -> tuple[Sheet | None, list[Problem]]:
    grid = excel.read(file, content, table)
    if not grid.rows:
        return None, grid.problems
    header, rows, problems = _shaped(file, grid.rows.pop(1), grid.rows, may_be_empty=table.name == "exclusions")
    if problems:
        return None, grid.problems + problems
    sheet, problems = _parsed(table, file, header, rows)
    if sheet is not None:
        for row, column in grid.trapped:
            # Empty and yet not blank: the later rules then leave the cell alone.
            if column in sheet.frame.columns and not table.sheet:
                sheet.frame.at[row, column] = None if sheet.frame[column].dtype == object else np.nan
    return sheet, grid.problems + [one for one in problems if (one.row, one.column) not in grid.trapped]


def _parsed(table: Table, file: str, header: list[str], rows: dict[int, list[str]]):
    raw = pd.DataFrame(list(rows.values()), columns=header, index=list(rows), dtype=object)
    return _parse_counts(table, file, raw) if table.sheet else parse(table, file, raw)


def decode(file: str, content: bytes) -> tuple[str, Problem | None]:
    """Return the text of a CSV file's bytes (unzipped where the name ends in .gz), or what is wrong with them."""
    if file.endswith(".gz"):
        if not content:
            return "", error(file, "a gzip file", value="an empty file")
        if not content.startswith(_GZIP):
            return "", error(file, "a gzip file, as its name says", value=_kind_of(content))
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
                content = packed.read(LARGEST_UNPACKED + 1)
        except EOFError:
            return "", error(file, "a whole gzip file", value="a file that is cut off")
        except (OSError, zlib.error):
            return "", error(file, "a whole gzip file", value="a damaged gzip stream")
        if len(content) > LARGEST_UNPACKED:
            return "", error(file, f"at most {LARGEST_UNPACKED >> 20} MB unpacked", value="more")
    if content.startswith((_GZIP, _HDF5, _ZIP)):
        return "", error(file, "a CSV file, as its name says", value=_kind_of(content))
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "", error(file, "text in UTF-8 (save it as “CSV UTF-8”)", value="text in UTF-16")
    if b"\0" in content:
        if content[:200].count(b"\0") * 3 >= len(content[:200]):
            return "", error(file, "text in UTF-8 (save it as “CSV UTF-8”)", value="text in UTF-16 or UTF-32")
        row = content[: content.index(b"\0")].count(b"\n") + 1
        return "", error(file, "text without NUL bytes", row=row, value="\0")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        row = content[: fault.start].count(b"\n") + 1
        bad = content[fault.start : fault.start + 1].hex()
        return "", error(file, "text in UTF-8 (save it as “CSV UTF-8”)", row=row, value=f"byte 0x{bad}")
    if not text.strip():
        return "", error(file, "a header row and at least one row of data", value="an empty file")
    return text, None


def split(file: str, text: str, *, may_be_empty: bool = False) -> tuple[list[str], dict[int, list[str]], list[Problem]]:
    """Return the header, the rows by their number in a spreadsheet, and what is wrong with their shape.

    A header row only is a fault unless `may_be_empty`: a list of exclusions without any says that nothing is left out.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header, rows = None, {}
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            cells = [cell.strip() for cell in cells]
            if header is None:
                header = cells
            elif any(cells):
                rows[number] = cells
    except csv.Error as fault:
        return [], {}, [error(file, f"comma-separated cells with closed quotes ({fault})", row=number + 1)]

    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            return [], {}, [error(file, "cells separated by commas", value=f"cells separated by {name}")]
    return _shaped(file, header, rows, may_be_empty=may_be_empty)


def _shaped(
    file: str, header: list[str], rows: dict[int, list[str]], *, may_be_empty: bool
) -> tuple[list[str], dict[int, list[str]], list[Problem]]:
    """Return what `split` does, of cells that are apart already."""
    problems = []
    # Spreadsheets leave empty columns at the right: without a name and without a value they are nothing.
    width = len(header)
    while width and not header[width - 1] and not any(any(cells[width - 1 : width]) for cells in rows.values()):
        width -= 1
    header = header[:width]
    if not any(header):
        return [], {}, [error(file, "the names of the columns", row=1, value="")]
    for place, name in enumerate(header, start=1):
        if not name:
            problems.append(error(file, f"a name for column {place}", row=1, value=""))
    for name, times in Counter(filter(None, header)).items():
        if times > 1:
            problems.append(error(file, f"each column once, not {times} times", row=1, column=name, value=name))
    if not rows and not may_be_empty:
        expected = "at least one row of data (delete the file if there are none)"
        problems.append(error(file, expected, value="a header row only"))
    for row, cells in rows.items():
        if any(cells[width:]) or len(cells) < width:
            problems.append(error(file, f"{width} cells, as in the header", row=row, value=f"{len(cells)} cells"))
        del cells[width:]
    return header, rows, problems


def parse(table: Table, file: str, raw: pd.DataFrame) -> tuple[Sheet | None, list[Problem]]:
    """Parse the cells of one table.

    Parameters
    ----------
    raw : pandas.DataFrame
        Text cells, index = row as a spreadsheet counts.

    Returns
    -------
    sheet : Sheet or None
        None when a required column is missing.
    problems : list[Problem]
    """
    known = {column.name: column for column in table.columns}
    unknown = [name for name in raw.columns if name not in known]
    missing = [column.name for column in table.columns if column.required and column.name not in raw.columns]
    problems = [
        error(file, "a column of this name", row=1, column=name, value=None, suggestion=nearest(name, unknown))
        for name in missing
    ]
    absent = [name for name in known if name not in raw.columns]
    problems += [
        warning(
            file, "a column of the contract (this one is ignored)", row=1, column=name, suggestion=nearest(name, absent)
        )
        for name in unknown
    ]
    frame = pd.DataFrame(index=raw.index)
    for name, column in known.items():
        if name not in raw.columns:
            continue
        # A blank optional column is an absent one.
        if not column.required and not raw[name].astype(bool).any():
            continue
        frame[name], faults = _parse_column(column, file, raw[name])
        problems += faults
    return (None if missing else Sheet(table, file, raw, frame)), problems


def _parse_column(column: Column, file: str, text: pd.Series) -> tuple[pd.Series, list[Problem]]:
    cells = text.tolist()
    if column.kind in ("id", "text", "level"):
        # A line break or an escape sequence in a name would end a line of a table or talk to the terminal.
        faults = [
            error(file, "text on one line, without control characters", row=row, column=column.name, value=cell)
            for row, cell in zip(text.index, cells, strict=True)
            if CONTROL.search(cell)
        ]
        values = [None if CONTROL.search(cell) else cell or None for cell in cells]
        return pd.Series(values, index=text.index, dtype=object), faults
    if column.kind == "flag":
        parsed = [_FLAGS.get(cell.casefold()) for cell in cells]
        values = pd.Series(parsed, index=text.index, dtype=object)
    else:
        parsed = [_number(cell, whole=column.kind == "integer") for cell in cells]
        values = pd.Series(parsed, index=text.index, dtype=float)
    faults = [
        error(file, column.expected, row=row, column=column.name, value=cell, suggestion=_with_point(column, cell))
        for row, cell, value in zip(text.index, cells, parsed, strict=True)
        if value is None and cell
    ]
    return values, faults


def _with_point(column: Column, cell: str) -> str | None:
    """Return a number that has a decimal comma with a point; three digits after it may as well be thousands."""
    found = _DECIMAL_COMMA.fullmatch(cell) if column.kind in ("number", "integer") else None
    return f"{found[1]}.{found[2]}" if found and len(found[2]) != 3 else None


def _number(cell: str, *, whole: bool) -> float | None:
    if not NUMBER.fullmatch(cell):
        return None
    value = float(cell)
    # 1e400 matches the pattern and is infinite.
    if not np.isfinite(value) or (whole and (not value.is_integer() or abs(value) > _LARGEST_INTEGER)):
        return None
    return value


def _parse_counts(table: Table, file: str, raw: pd.DataFrame) -> tuple[Sheet | None, list[Problem]]:
    if "gene" not in raw.columns:
        return None, [error(file, "a column of this name", row=1, column="gene", suggestion=nearest("gene", raw))]
    samples = [name for name in raw.columns if name != "gene"]
    problems = [] if samples else [error(file, "a column of counts for each sample", value="no sample")]
    faults: list[Problem] = []
    statistics = raw["gene"].str.match(_NO_GENE)
    if statistics.any():
        expected = "genes only: what counting programs say about reads is left out"
        first = statistics.idxmax()
        problems.append(warning(file, expected, row=first, column="gene", value=raw.at[first, "gene"]))
        raw = raw[~statistics]
    problems += _gene_dates(file, raw["gene"])
    columns = {"gene": raw["gene"].where(raw["gene"].astype(bool), None)}
    for sample in samples:
        cells = raw[sample].tolist()
        joined = "".join(cells)
        if joined.isascii() and joined.isdigit() and all(cells) and max(map(len, cells)) < 16:
            columns[sample] = np.array(cells, dtype=str).astype(np.int64)
            continue
        parsed = [_number(cell, whole=True) for cell in cells]
        faults += [
            error(file, _RAW_COUNT, row=row, column=sample, value=cell)
            for row, cell, value in zip(raw.index, cells, parsed, strict=True)
            if value is None or value < 0
        ]
        columns[sample] = [0 if value is None else int(value) for value in parsed]
    if normalised := _normalised(file, raw[samples], faults, columns):
        return None, problems + normalised
    problems += faults
    return Sheet(table, file, raw, pd.DataFrame(columns, index=raw.index)), problems


def _normalised(file: str, raw: pd.DataFrame, faults: list[Problem], columns: dict) -> list[Problem]:
    """Say in one sentence that a matrix holds no raw counts, as decimals or sums of a million tell."""
    decimals = [one for one in faults if NUMBER.fullmatch(one.value) and not float(one.value).is_integer()]
    # Where other faults stand among them, each is told by itself.
    if faults and (len(decimals) < max(_FEW, _SHARE * raw.size) or decimals != faults):
        return []
    values = raw.astype(float) if faults else pd.DataFrame({name: columns[name] for name in raw})
    sums = values.sum(axis=0)
    # What rounding leaves of a million, at half a count a gene.
    millions = len(sums) > 1 and len(values) >= _FEW and ((sums - 1e6).abs() <= max(1, len(values) / 2)).all()
    if not faults and not millions:
        return []
    kind = "TPM or CPM, since each sample sums to a million" if millions else "RPKM, FPKM or other normalised values"
    found = f"{len(decimals):,} of {raw.size:,} values with decimals" if decimals else "equal sums"
    return [error(file, f"{_RAW_COUNT}, as a counting program writes them; these look like {kind}", value=found)]


def _gene_dates(file: str, genes: pd.Series) -> list[Problem]:
    """Warn once of gene symbols that Excel turned into dates or numbers; published matrices hold them too."""
    dates = [(row, gene) for row, gene in genes.items() if _GENE_DATE.fullmatch(gene)]
    if not dates:
        return []
    count = f"{len(dates)} {'genes' if len(dates) > 1 else 'gene'} of this file"
    expected = f"a gene symbol: Excel turns Sept2 into 2-Sep ({count}; no analysis will find them)"
    return [warning(file, expected, row=dates[0][0], column="gene", value=dates[0][1], suggestion=_symbol(dates[0][1]))]


def _symbol(date: str) -> str | None:
    """Return the symbol that a date of Excel was, where there is one only: 1-Mar and 2-Mar are March1 or Marc1."""
    words = {"mar": "March", "sep": "Sept", "sept": "Sept", "dec": "Dec"}
    parts = date.casefold().split("-")
    if len(parts) != 2:
        return None
    number, month = parts if parts[0].isdigit() else parts[::-1]
    if month not in words or int(number) > 20 or (month == "mar" and int(number) < 3):
        return None
    return f"{words[month]}{int(number)}"


def _read_h5ad(path: Path, table: Table) -> tuple[Sheet | None, list[Problem]]:
    # The import takes longer than reading every CSV table, and most directories have no single cells.
    import anndata
    import h5py

    file = path.name
    with open(path, "rb") as stream:
        start = stream.read(len(_HDF5))
    if not start:
        return None, [error(file, "an AnnData file", value="an empty file")]
    if start != _HDF5:
        return None, [error(file, "an HDF5 (AnnData) file, as its name says", value=_kind_of(start))]

    def opened():
        with warnings.catch_warnings():
            # Doubled names and old encodings are judged below, in the words of the contract.
            warnings.simplefilter("ignore")
            with h5py.File(path) as stored:
                large = single_cells.stays_in_file(stored)
            return single_cells.stored(path) if large else anndata.read_h5ad(path)

    # Ten megabytes take a slow disk a second; HDF5 reads the rest of a file in no time.
    if not _ends(opened, seconds=5 + path.stat().st_size // 10**7):
        return None, [error(file, "a whole AnnData file (reading it does not end, or ends Python)")]
    try:
        cells = opened()
        problems = _matrix_problems(file, cells)
    # Damaged HDF5 surfaces as any of OSError, KeyError, ValueError, TypeError, RuntimeError and anndata's own types.
    except Exception as fault:
        reason = " ".join(str(fault).split())[:120]
        return None, [error(file, f"a whole AnnData file ({type(fault).__name__}: {reason})")]

    for names, what in ((cells.obs_names, "cell"), (cells.var_names, "gene symbol")):
        doubled = names[names.duplicated()]
        if len(doubled):
            problems.append(
                error(file, f"each {what} once ({len(doubled)} more than once)", column=what, value=str(doubled[0]))
            )
    if 0 in cells.shape:
        return None, [*problems, error(file, "cells and genes", value=f"{cells.n_obs} cells, {cells.n_vars} genes")]
    doubled_columns = sorted({str(name) for name in cells.obs.columns[cells.obs.columns.duplicated()]})
    if doubled_columns:
        return None, [*problems, error(file, "each obs column once", value=listed(doubled_columns, "and"))]
    absent = [column.name for column in table.columns if column.required and column.name not in cells.obs]
    text = {
        str(name): ["" if missing else str(value).strip() for value, missing in zip(column, column.isna(), strict=True)]
        for name, column in cells.obs.items()
        # Quality measures and clusters of an analysed file are nobody's mistake, unless one may be a mistyped column.
        if table.column(str(name)) or nearest(str(name), absent)
    }
    raw = pd.DataFrame(text, index=range(2, cells.n_obs + 2), dtype=object)
    sheet, more = parse(table, file, raw)
    if sheet is not None and not problems:
        sheet.cells = cells
    return sheet, problems + more


def _ends(read: Callable[[], object], seconds: int) -> bool:
    """Does a child of this process come to the end of reading within so many seconds of its own work?

    On about one in a thousand damaged files HDF5 loops for ever or ends Python itself, which no exception tells.
    """
    with warnings.catch_warnings():
        # Other threads of the parent hold no lock that reading wants.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        faulthandler.disable()
        # Not seconds of the clock: on a busy machine a sound file would be called damaged.
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        # What reading raises is told by the parent, which reads the file again.
        with contextlib.suppress(BaseException):
            read()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _matrix_problems(file: str, cells: anndata.AnnData | StoredCells) -> list[Problem]:
    expected = "raw counts in X, integers of at least 0"
    in_file = isinstance(cells, single_cells.StoredCells)
    if not in_file:
        if cells.X is None:
            return [error(file, expected, column="X", value="no X")]
        if cells.X.dtype.kind not in "biuf":
            return [error(file, expected, column="X", value=f"values of type {cells.X.dtype}")]
        if sparse.issparse(cells.X):
            # scipy trusts where a matrix says that its values lie: a damaged one would end Python itself.
            cells.X.check_format(full_check=True)
    number, first = 0, None
    for _, matrix in single_cells.chunks(cells):
        if in_file:
            matrix.check_format(full_check=True)
        values = matrix.data
        wrong = single_cells.not_counts(values)
        if number == 0 and wrong.any():
            first = str(values[wrong][0])
        number += int(wrong.sum())
    return [error(file, f"{expected} ({number} are not)", column="X", value=first)] if number else []


def _kind_of(content: bytes) -> str:
    """Name the kind of file that begins with these bytes."""
    for magic, name in ((_GZIP, "a gzip file"), (_HDF5, "an HDF5 file"), (_ZIP, "an Excel or zip file")):
        if content.startswith(magic):
            return name
    return "another kind of file"


def table_of(file: str) -> tuple[Table | None, str | None]:
    """Return (table, None) for a table's file name, (None, what was expected) for a wrong one, else (None, None)."""
    # Hidden files, and the locks that Excel and LibreOffice leave beside an open table.
    if file.startswith((".", "~$")):
        return None, None
    stem, ending = _split_name(file)
    if not ending:
        return None, None
    table = TABLES.get(stem)
    if table is None:
        return None, "the name of a table of the contract"
    if ending in ((".csv", ".csv.gz", EXCEL) if table.suffix == ".csv" else (table.suffix,)):
        return table, None
    workbook = f" or {table.name}{EXCEL}" if table.suffix == ".csv" else ""
    return None, f"this table as {table.file}{workbook}"


# Files of these kinds may hold a table under a wrong name; anything else (a README, a picture) is left alone.
_ENDINGS = (".csv.gz", ".csv", EXCEL, ".h5ad")
_OTHER_DATA = (".tsv", ".txt", ".xls", ".xlsm", ".ods", ".h5", ".parquet", ".csv.zip", ".csv.bz2", ".csv.xz")


def _split_name(file: str) -> tuple[str, str]:
    for ending in _ENDINGS:
        if file.lower().endswith(ending):
            # An ending in capitals is another name: on most systems it would be another file.
            return file[: -len(ending)], file[-len(ending) :]
    for ending in _OTHER_DATA:
        if file.lower().endswith(ending) and file[: -len(ending)] in TABLES:
            return file[: -len(ending)], file[-len(ending) :]
    return file, ""
