"""The reader's page on the data, generated from the same tables that check them."""

from endomtor.contract.problems import listed
from endomtor.contract.remarks import CHIMERISM_LEAP, LIBRARY_RATIO
from endomtor.contract.tables import (
    DATASET_KEYS,
    DESIGN_KEYS,
    LINEAGE_SUM,
    SIMULATED_PREFIX,
    TABLES,
    Column,
    Key,
    Table,
)
from endomtor.contract.vocabulary import vocabulary

_HEAD = """\
A data directory holds `dataset.toml` and any of the tables below.
Every table is optional, but `hspc_counts` and `hspc_samples` come together.
Tables are UTF-8 CSV (a byte-order mark is tolerated, `.csv.gz` too) with one header row; columns may come in any order.
An Excel workbook of the same name (`ecko_blood.xlsx`) with one sheet will do too, for every table but `bmec_cells`.
Numbers have a decimal point.
An empty cell is missing data, and is allowed only where the tables below say so.
A column that is not listed is ignored with a warning.
A CSV, Excel or h5ad file that is not listed is refused, since it may be a table with a mistyped name.
`endomtor check DIR` names every fault with its file, row, column and value."""

_GROUPS = """\
`young` and `aged` are unmanipulated wild-type mice of that age.
`control` are young Cre-negative (or Cre-only: say which in `[design]`) littermates of `ecko`.
`ecko` are young mice in which endothelial cells lack mTOR.
Any group may be absent: what needs it is then *not testable here*.
Where `control` is absent `young` stands in for it.
Without both `young` and `aged` an endpoint has no phi.
A group with one unit is not testable."""

_UNITS = """\
The unit is what the treatment was assigned to, and it is what is counted as n.
In `serial_transplants` it is `exposed_animal`, the animal whose niche exposed the wild-type cells.
That is the primary recipient: in passage 1 the recipient itself, and its id is carried through the later passages.
Later recipients are subsamples of it.
`donor` is the source of the cells, and a block where it feeds both niches.
In `survival` a recipient of the transplant experiment counts as its exposed animal too.
In `ecko_limiting_dilution` the unit is the donor whose marrow was diluted.
In `competitive_transplants` it is the donor whose marrow was transplanted, and its recipients are subsamples.
In `ecko_cells`, and wherever several rows belong to one mouse, it is the mouse."""


def contract_markdown() -> str:
    """Return the data contract as MyST Markdown: files, groups, units, each table with its columns, rules.

    Headings begin at level 2, so that a page can include it under its own title.
    """
    parts = ["## The data directory", "", _HEAD, "", "### dataset.toml", "", *_keys(DATASET_KEYS), ""]
    parts += ["The section `[design]` may hold:", "", *_keys(DESIGN_KEYS), "", "Any other key is refused.", ""]
    parts += ["## Groups", "", _GROUPS, "", "## Units", "", _UNITS, "", "## Tables", ""]
    for table in TABLES.values():
        parts += [table_markdown(table), ""]
    parts += [*_vocabulary(), "", *_rules()]
    return "\n".join(parts) + "\n"


def _keys(keys: tuple[Key, ...]) -> list[str]:
    rows = (f"| `{key.name}` | {' '.join(filter(None, (key.meaning, key.tells)))} |" for key in keys)
    return ["| key | meaning |", "| --- | --- |", *rows]


def table_markdown(table: Table) -> str:
    """Return one table's section: what it holds, its key, its columns with their levels, ranges and units."""
    lines = [f"### {table.file}", "", table.holds]
    if table.key:
        keys = [f"`{name}`" for name in table.key]
        lines.append(f"No two rows have the same {listed(keys, 'and')}.")
    lines += ["", "| column | required | holds | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *(_column(column) for column in table.columns)])


def _column(column: Column) -> str:
    required = "yes" if column.required else "no"
    if column.required and column.empty:
        required = "yes, a cell may be empty"
    return f"| `{column.name}` | {required} | {column.domain} | {column.meaning} |"


def _vocabulary() -> list[str]:
    names = vocabulary()
    lines = [
        "## Names",
        "",
        "Names that are not in these lists are warned of; the lists are in `data/vocabulary.toml`.",
        "",
    ]
    for title, meaning, words in (
        ("marker", "reports on", names.markers),
        ("population", "what it is", names.populations),
        ("cell type injected", "frequency with age", names.cell_types),
    ):
        lines += [f"| {title} | {meaning} |", "| --- | --- |"]
        lines += [f"| `{name}` | {word} |" for name, word in words.items()]
        lines.append("")
    return lines[:-1]


def _rules() -> list[str]:
    low, high = LINEAGE_SUM
    # One line for each pair, however many tables it holds in.
    pairs = dict.fromkeys(pair for table in TABLES.values() for pair in table.constant)
    constant = [f"- {unit.replace('_', ' ')}s with more than one `{attribute}`" for unit, attribute in pairs]
    return [
        "## What is refused",
        "",
        "- missing or doubled columns, unknown levels, text in a number, numbers out of their range",
        "- two rows with the same key",
        "- the same table in two formats, files of other names, empty or cut-off files, a header row only",
        "- a pipe, a socket or a device in the place of a file",
        "- a marker or population whose name holds other characters than letters, digits and `+ - _ / ( ) ,`: ids and"
        " addresses of results are made of it",
        "- in a workbook: a second sheet that is not empty, merged cells, hidden rows or columns, formulas without a"
        " stored result, dates where a name or a number belongs, numbers that are formatted as a percentage",
        "- an animal whose group differs between tables",
        *constant,
        f"- lineages that add to more than {high:g} per cent, or of which only some are given",
        "- more positive recipients than tested ones",
        "- more than 100 in a unit that is per cent of a population (a per cent of control may be more)",
        "- a sample sheet and a count matrix that do not match; counts that are not integers",
        "- a sex in the sheet that the expression of Xist and of Y-chromosome genes contradicts",
        f"- ids that begin with `{SIMULATED_PREFIX}` in data that are not simulated",
        "",
        "## What is warned of",
        "",
        "- sex or batch confounded with the group; if completely, the verdict is withheld",
        "- groups whose shares of females differ by a half or more",
        "- one unit in a group, or too few units for any permutation p below 0.05",
        "- deaths before the read-out, one donor only",
        "- recipients in `survival` whose exposed animal is not known: they have no n",
        "- ECKO tables without `ecko_verification`: the attribution to the niche is then not verified",
        "- an intensity below its background, or one background tube for a whole group and day",
        f"- chimerism of a recipient that moves by more than {CHIMERISM_LEAP:g} points from one week to the next",
        f"- a library more than {LIBRARY_RATIO:g} times larger or smaller than the median",
        "- a sample whose expression correlates with another group's better than with its own: samples may be swapped",
        "- a column, or a sample, with the same numbers as another",
        "- gene symbols that Excel turned into dates, and older gene symbols (they are read as today's)",
        "- numbers that a workbook stores as text (they are read as numbers)",
        f"- lineages that add to less than {low:g} per cent; the rest becomes other",
        "- names that are not in the vocabulary, columns that are not in the contract",
    ]
