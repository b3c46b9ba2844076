"""An Excel sheet as rows of text, and the traps of Excel: what a spreadsheet shows is not always what it holds.

openpyxl is used itself, not through pandas: pandas gives values only, and the traps are in merged cells, formats,
hidden rows and formulas.
"""

from __future__ import annotations

import datetime
import io
import re
import warnings
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from endomtor.contract.problems import Problem, error, listed, warning
from endomtor.contract.tables import Table

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

# A workbook is a zip archive; a count matrix of 60,000 genes and 50 samples unpacks to about 150 MB.
LARGEST_UNPACKED = 2**30
# Of the rectangle that holds all cells: a blank cell that was once formatted, far below or right, makes it huge.
LARGEST_AREA = 10**7
# The older .xls format, and the wrapping of a workbook with a password.
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# A decimal point, an optional exponent, ASCII digits: what float() takes beyond that (nan, inf, 1_000) is a fault.
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass
class Grid:
    """The cells of a sheet as text.

    Attributes
    ----------
    rows : dict[int, list[str]]
        By row as the spreadsheet counts, rows without any cell left out; the first is the header if its number is 1.
    trapped : set[tuple[int, str]]
        (row, column) of cells of which a problem says all that is to say.
    """

    rows: dict[int, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    trapped: set[tuple[int, str]] = field(default_factory=set)


def read(file: str, content: bytes, table: Table) -> Grid:
    """Return the cells of the only sheet of a workbook that holds anything.

    Numbers have all their digits, true and false are words, a date is `2024-09-02` (in the column `gene` as Excel shows
    it, `2-Sep`), and a number that a format of zeros shows as `007` stays so.
    """
    opened = _open(file, content)
    if isinstance(opened, Problem):
        return Grid(problems=[opened])
    for sheet in opened.worksheets:
        if sheet.max_row * sheet.max_column > LARGEST_AREA:
            found = f"{sheet.max_row:,} rows and {sheet.max_column:,} columns in the sheet {sheet.title}"
            expected = "rows and columns of the table only (delete those below and to the right of it, also blank ones)"
            return Grid(problems=[error(file, expected, value=found)])
    filled = [sheet for sheet in opened.worksheets if _holds_anything(sheet)]
    if not filled:
        return Grid(problems=[error(file, "a header row and at least one row of data", value="an empty workbook")])
    if len(filled) > 1:
        names = f"{len(filled)} sheets ({listed([sheet.title for sheet in filled], 'and')})"
        return Grid(problems=[error(file, "one sheet, that of the table", value=names)])
    sheet, stored = filled[0], None
    if any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row):
        # The results of formulas, as Excel last computed them, are read in another way than the formulas.
        stored = _open(file, content, values=True)[sheet.title]
    return _grid(file, table, sheet, stored)


def _open(file: str, content: bytes, *, values: bool = False):
    # Takes a tenth of a second, and most directories have no workbook.
    import openpyxl

    if not content:
        return error(file, "an Excel workbook (.xlsx)", value="an empty file")
    if content.startswith(_OLE):
        return error(file, "an Excel workbook (.xlsx) without a password", value="an .xls or a protected workbook")
    if not content.startswith(b"PK"):
        return error(file, "an Excel workbook (.xlsx), as its name says", value="another kind of file")
    try:
        unpacked = sum(member.file_size for member in zipfile.ZipFile(io.BytesIO(content)).infolist())
        if unpacked > LARGEST_UNPACKED:
            expected = f"a workbook of at most {LARGEST_UNPACKED >> 20} MB unpacked; save so large a table as .csv.gz"
            return error(file, expected, value=f"{unpacked >> 20} MB")
        with warnings.catch_warnings():
            # It warns of what it does not keep, such as conditional formats.
            warnings.simplefilter("ignore")
            return openpyxl.load_workbook(io.BytesIO(content), data_only=values)
    # Damaged workbooks surface as BadZipFile, KeyError, ValueError, TypeError, ParseError and openpyxl's own types.
    except Exception as fault:
        reason = " ".join(str(fault).split())[:120]
        return error(file, f"a whole Excel workbook ({type(fault).__name__}: {reason})")


def _holds_anything(sheet: Worksheet) -> bool:
    return any(value not in (None, "") for row in sheet.iter_rows(values_only=True) for value in row)


def _grid(file: str, table: Table, sheet: Worksheet, stored: Worksheet | None) -> Grid:
    from openpyxl.utils import get_column_letter

    grid = Grid()
    top = [_text(cell, gene=False) for cell in sheet[1]]

    def name_of(place: int) -> str:
        return top[place - 1] if place <= len(top) and top[place - 1] else get_column_letter(place)

    for area in sheet.merged_cells.ranges:
        row = None if area.min_row == 1 else area.min_row
        expected = "cells that are not merged: Excel keeps the value of the first one only"
        grid.problems.append(error(file, expected, row=row or 1, column=name_of(area.min_col), value=str(area.coord)))
    number_as_text: dict[str, list[int]] = {}
    for row in sheet.iter_rows():
        texts = []
        for cell in row:
            name = name_of(cell.column)
            column = table.column(name)
            gene = bool(table.sheet) and name == "gene"
            if cell.data_type == "f" and stored is not None:
                formula, cell = str(getattr(cell.value, "text", cell.value)), stored[cell.coordinate]
                if cell.value is None:
                    expected = "a value: the formula has no stored result (open the file in Excel and save it)"
                    grid.problems.append(error(file, expected, row=cell.row, column=name, value=formula))
                    grid.trapped.add((cell.row, name))
                    texts.append(formula)
                    continue
            text = _text(cell, gene=gene)
            texts.append(text)
            if cell.row == 1 or not text:
                continue
            kind = "integer" if table.sheet and not gene else column.kind if column else ""
            trap = _trap(file, cell, name, kind, text)
            if trap is not None:
                grid.problems.append(trap)
                grid.trapped.add((cell.row, name))
            elif kind in ("number", "integer") and cell.data_type == "s" and NUMBER.fullmatch(text):
                number_as_text.setdefault(name, []).append(cell.row)
        if any(texts) or row[0].row == 1:
            grid.rows[row[0].row] = texts
    for name, rows in number_as_text.items():
        expected = f"a number, not a number stored as text ({len(rows)} in this column; they are read as numbers)"
        value = grid.rows[rows[0]][top.index(name)]
        grid.problems.append(warning(file, expected, row=rows[0], column=name, value=value))
    grid.problems += _hidden(file, sheet, grid, name_of)
    return grid


def _trap(file: str, cell: Cell, name: str, kind: str, text: str) -> Problem | None:
    """Say what is wrong with a cell that parses well and yet is not what was meant."""
    if cell.data_type == "e":
        return error(file, "a value, not an error of Excel", row=cell.row, column=name, value=text)
    if kind in ("number", "integer") and cell.data_type == "n" and "%" in (cell.number_format or ""):
        shown = f"{100 * cell.value:.10g}"
        expected = f"a plain number: the format shows {shown}%, the cell holds {text}"
        return error(file, expected, row=cell.row, column=name, value=text, suggestion=shown)
    if kind in ("id", "level", "number", "integer") and cell.is_date and name != "gene":
        what = {"id": "a name", "level": "a word"}.get(kind, "a number")
        expected = f"{what}, not a date: Excel turns text like 3-4 into one"
        return error(file, expected, row=cell.row, column=name, value=text)
    return None


def _hidden(file: str, sheet: Worksheet, grid: Grid, name_of) -> list[Problem]:
    problems = []
    for number in grid.rows:
        if number in sheet.row_dimensions and sheet.row_dimensions[number].hidden:
            expected = "a row that can be seen (show it, or delete it)"
            problems.append(error(file, expected, row=number, value="a hidden row"))
    for dimension in sheet.column_dimensions.values():
        if not dimension.hidden or dimension.min is None:
            continue
        # One entry may stand for a run of columns, up to the last that Excel has.
        width = max((len(texts) for texts in grid.rows.values()), default=0)
        for place in range(dimension.min, min(dimension.max, width) + 1):
            if any(texts[place - 1] for texts in grid.rows.values()):
                expected = "a column that can be seen (show it, or delete it)"
                problems.append(error(file, expected, row=1, column=name_of(place), value="a hidden column"))
    return problems


def _text(cell: Cell, *, gene: bool) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime | datetime.date):
        if gene:
            return f"{value.day}-{_MONTHS[value.month - 1]}"
        return value.isoformat().removesuffix("T00:00:00")
    if isinstance(value, int | float):
        zeros = cell.number_format or ""
        if set(zeros) == {"0"} and float(value).is_integer():
            return f"{int(value):0{len(zeros)}d}"
        return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)
    return str(value).strip()
