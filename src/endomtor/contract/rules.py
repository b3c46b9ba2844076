"""Rules on what parsed: cells (pandera schemas made from `tables`), rows, tables against each other, and the design."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import chain
from math import comb

import numpy as np
import pandas as pd
import pandera.pandas as pa

from endomtor.cells import chunks
from endomtor.contract.problems import Problem, counted, error, listed, nearest, quoted, warning
from endomtor.contract.reading import Sheet
from endomtor.contract.tables import LINEAGE_SUM, LINEAGES, MATRICES, SIMULATED_PREFIX, TABLES, Column, Table
from endomtor.contract.vocabulary import vocabulary
from endomtor.genes import outdated

SIMULATED_ID_COLUMNS = ("animal", "donor", "recipient", "exposed_animal", "sample")

# Groups whose shares of females differ by this much are remarked on (an assumption): 1 of 4 against 3 of 4.
SEX_IMBALANCE = 0.5

# Expression sex: a call needs this many counts, this many per million, and this ratio to the other sex's genes.
# Ambient transcripts of cage mates of the other sex stay far below the ratio.
Y_GENES = ("Ddx3y", "Eif2s3y", "Kdm5d", "Uty")
SEX_COUNTS, SEX_PER_MILLION, SEX_RATIO = 20, 2.0, 10.0


# --- cells -----------------------------------------------------------------------------------------------------------


@cache
def schema(name: str) -> pa.DataFrameSchema:
    """Return the pandera schema of a parsed table: emptiness, levels and ranges of each column."""
    table = TABLES[name]
    return pa.DataFrameSchema(
        {
            column.name: pa.Column(
                checks=_checks(column), nullable=column.may_be_empty, required=column.required, name=column.name
            )
            for column in table.columns
        }
    )


def _checks(column: Column) -> list[pa.Check]:
    if column.kind == "level":
        return [pa.Check.isin(column.levels)]
    if column.low is None:
        return []
    checks = [pa.Check.gt(column.low) if column.above else pa.Check.ge(column.low)]
    if column.high is not None:
        checks.append(pa.Check.le(column.high))
    return checks


def cell_problems(sheet: Sheet) -> list[Problem]:
    """Check each cell against its column and empty those at fault, so that later rules see only sound cells."""
    checked = [name for name in sheet.frame.columns if sheet.table.column(name)]
    unparsed = sheet.frame[checked].isna() & sheet.raw[checked].astype(bool)
    try:
        schema(sheet.table.name).validate(sheet.frame, lazy=True)
    except pa.errors.SchemaErrors as found:
        cases = found.failure_cases
    else:
        return []
    problems = []
    for name, row in cases[["column", "index"]].drop_duplicates().itertuples(index=False):
        # A cell that did not parse is empty by now and was reported when it was read.
        if unparsed.at[row, name]:
            continue
        column, value = sheet.table.column(name), sheet.raw.at[row, name]
        near = nearest(value, column.levels) if column.levels and value else None
        problems.append(error(sheet.file, column.expected, row=row, column=name, value=value, suggestion=near))
        sheet.frame.at[row, name] = None if sheet.frame[name].dtype == object else np.nan
    return problems


# --- rows ------------------------------------------------------------------------------------------------------------


def row_problems(sheet: Sheet) -> list[Problem]:
    """Check the rows of one table against each other: keys, units, and what one cell demands of another."""
    problems = _doubled_keys(sheet)
    for unit, attribute in constant(sheet):
        problems += _changing(sheet, unit, attribute)
    for rule in _of_columns(_ROW_RULES, sheet.table):
        problems += rule(sheet)
    return [*problems, *_unsafe_names(sheet)]


def constant(sheet: Sheet) -> list[tuple[str, str]]:
    """Return the pairs (unit column, property) of a table of which the sheet has both columns."""
    return [pair for pair in sheet.table.constant if set(pair) <= set(sheet.frame.columns)]


def _of_columns(rules: Iterable[tuple[tuple[str, ...], Callable]], table: Table) -> Iterator[Callable]:
    """Yield the rules of which a table has all columns: a table that is new to the contract has them at once."""
    names = {column.name for column in table.columns}
    return (rule for columns, rule in rules if names.issuperset(columns))


def _doubled_keys(sheet: Sheet) -> list[Problem]:
    key = [name for name in sheet.table.key if name in sheet.frame.columns]
    optional = [name for name in key if sheet.table.column(name).may_be_empty]
    sound = sheet.frame[key]
    sound = sound[sound.drop(columns=optional).notna().all(axis=1)]
    doubled = sound.duplicated(keep="first")
    if not doubled.any():
        return []
    first = {}
    for row, values in zip(sound.index, _hashable(sound), strict=True):
        first.setdefault(values, row)
    return [
        error(
            sheet.file,
            f"one row for each {listed(key, 'and')}, and row {first[values]} has the same",
            row=row,
            column=key[-1] if len(key) == 1 else ", ".join(key),
            value=", ".join(sheet.raw.at[row, name] for name in key),
        )
        for row, values in zip(sound.index[doubled], _hashable(sound[doubled]), strict=True)
    ]


def _unsafe_names(sheet: Sheet) -> Iterator[Problem]:
    """Faults in names of which ids of results are made, and so addresses on the site."""
    for column, names, known in _named(sheet):
        for row in names.index[~names.str.fullmatch(_SAFE)]:
            yield error(
                sheet.file,
                "a name of letters, digits and + - _ / ( ) , without blanks",
                row=row,
                column=column.name,
                value=sheet.raw.at[row, column.name],
                suggestion=nearest(names[row], known),
            )


def _named(sheet: Sheet) -> Iterator[tuple[Column, pd.Series, dict]]:
    """Yield each column with names of a vocabulary, each name by its first row, and the names that are known."""
    for column in sheet.table.columns:
        if column.vocabulary and column.name in sheet.frame.columns:
            names = sheet.frame[column.name].drop_duplicates().replace("", np.nan).dropna()
            yield column, names, getattr(vocabulary(), column.vocabulary)


def _hashable(frame: pd.DataFrame) -> list[tuple]:
    # NaN differs from itself; None does not.
    return list(frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None))


def _changing(sheet: Sheet, unit: str, attribute: str) -> list[Problem]:
    sound = sheet.frame[[unit, attribute]].dropna()
    starts = {name: row for row, name in sound[unit].drop_duplicates().items()}
    first = sound[unit].map(starts).map(sound[attribute])
    problems = []
    for row in sound.index[sound[attribute] != first]:
        name = sound.at[row, unit]
        start = starts[name]
        problems.append(
            error(
                sheet.file,
                f"{quoted(sheet.raw.at[start, attribute])}, the {attribute} of {unit} {quoted(name)} in row {start}",
                row=row,
                column=attribute,
                value=sheet.raw.at[row, attribute],
            )
        )
    return problems


def _at(sheet: Sheet, wrong: pd.Series, column: str, expected: str) -> Iterator[Problem]:
    """Yield a fault of one column in each row where `wrong` is true."""
    for row in sheet.frame.index[wrong]:
        yield error(sheet.file, expected, row=row, column=column, value=sheet.raw.at[row, column])


def _lineage_rows(sheet: Sheet) -> Iterator[Problem]:
    parts = _lineages_in(sheet.frame)
    empty = ~sheet.raw[list(LINEAGES)].astype(bool)
    for row in sheet.frame.index[empty.any(axis=1) & ~empty.all(axis=1)]:
        column = empty.columns[empty.loc[row]][0]
        yield error(sheet.file, "all of myeloid, B and T cells, or none of them", row=row, column=column, value="")
    total = sheet.frame[parts].sum(axis=1)
    expected = f"lineages that add to 100 per cent, at most {LINEAGE_SUM[1]:g}"
    for row in sheet.frame.index[total > LINEAGE_SUM[1]]:
        yield error(sheet.file, expected, row=row, column=", ".join(parts), value=f"a sum of {total[row]:g}")


def _lineages_in(frame: pd.DataFrame) -> list[str]:
    return [name for name in (*LINEAGES, "nk_pct", "other_pct") if name in frame.columns]


def _cells_values(sheet: Sheet) -> Iterator[Problem]:
    value, assay = sheet.frame["value"], sheet.frame["assay"]
    yield from _at(sheet, (assay == "polarity") & ~value.isin((0, 1, np.nan)), "value", "0 or 1 (1 = polarised)")
    foci = (assay == "gH2AX_foci") & value.notna() & (value % 1 != 0)
    yield from _at(sheet, foci, "value", "a number of foci, an integer of at least 0")


def _positive_of_tested(sheet: Sheet) -> Iterator[Problem]:
    wrong = sheet.frame["positive"] > sheet.frame["tested"]
    for row in sheet.frame.index[wrong]:
        expected = f"at most the {sheet.raw.at[row, 'tested']} that were tested"
        yield error(sheet.file, expected, row=row, column="positive", value=sheet.raw.at[row, "positive"])


def _verification_values(sheet: Sheet) -> Iterator[Problem]:
    value, measure = sheet.frame["value"], sheet.frame["measure"]
    percent = measure.isin(("recombined_allele_pct", "apoptosis_pct"))
    yield from _at(sheet, percent & (value > 100), "value", "a number from 0 to 100")
    yield from _at(sheet, ~percent & measure.notna() & (value == 0), "value", "a number above 0")


def _percent_units(sheet: Sheet) -> Iterator[Problem]:
    unit = sheet.frame["unit"].fillna("").str.casefold()
    # "% of control" is a ratio and may pass 100; "% of LSK" may not.
    fraction = unit.str.match(r"%|percent|per cent|pct") & ~unit.str.contains("control|vehicle|young|baseline|normal")
    for row in sheet.frame.index[fraction & (sheet.frame["value"] > 100)]:
        expected = f"at most 100 in the unit {quoted(sheet.raw.at[row, 'unit'])}"
        yield error(sheet.file, expected, row=row, column="value", value=sheet.raw.at[row, "value"])


def _survival_groups(sheet: Sheet) -> Iterator[Problem]:
    frame = sheet.frame
    drug = frame["group"].isin(("vehicle", "rapamycin")) & frame["experiment"].notna()
    expected = "young, aged, control or ecko outside the rapamycin experiment"
    yield from _at(sheet, drug & (frame["experiment"] != "rapamycin"), "group", expected)


def _gene_rows(sheet: Sheet) -> Iterator[Problem]:
    samples = sheet.frame.drop(columns="gene")
    for sample in samples.columns[samples.to_numpy().sum(axis=0) == 0]:
        yield error(sheet.file, "at least one count in the sample", column=str(sample), value="no count")


_SAFE = r"[\w+\-−–/(),]*"
"""What names of markers and populations may hold."""
_ROW_RULES = (
    (LINEAGES, _lineage_rows),
    (("assay", "value"), _cells_values),
    (("tested", "positive"), _positive_of_tested),
    (("measure", "value"), _verification_values),
    (("population", "value", "unit"), _percent_units),
    (("experiment", "group"), _survival_groups),
    (("gene",), _gene_rows),
)
"""Each rule with the columns of the tables that it holds in."""


# --- tables ----------------------------------------------------------------------------------------------------------


def table_problems(sheets: dict[str, Sheet], kind: str | None) -> list[Problem]:
    """Check tables against each other and against the provenance.

    Parameters
    ----------
    sheets : dict[str, Sheet]
        What could be read, by table name.
    kind : {"measured", "public", "simulated"} or None
        None when `dataset.toml` does not say.
    """
    return [
        *_groups_over_tables(sheets),
        *_samples_match(sheets),
        *_simulated_ids(sheets, kind),
        *_expression_sex(sheets),
    ]


def _groups_over_tables(sheets: dict[str, Sheet]) -> Iterator[Problem]:
    # The mice of the rapamycin experiment are grouped in other words and compared among themselves.
    others = ("treatment", "age_group", "exposed_animal")
    for attributes in ({table.group for table in TABLES.values()}.difference(others), *([one] for one in others)):
        seen: dict[str, tuple[str, str, int]] = {}
        for sheet in sheets.values():
            for unit, attribute in constant(sheet):
                if attribute not in attributes:
                    continue
                sound = sheet.frame[[unit, attribute]].dropna().drop_duplicates(unit)
                for row, name, group in sound.itertuples(name=None):
                    if group in ("vehicle", "rapamycin") and attribute == "group":
                        continue
                    earlier = seen.setdefault(name, (group, sheet.file, row))
                    if earlier[0] != group:
                        yield error(
                            sheet.file,
                            f"{quoted(earlier[0])}, as {unit} {quoted(name)} has in {earlier[1]}, row {earlier[2]}",
                            row=row,
                            column=attribute,
                            value=group,
                        )


def matrices(sheets: dict[str, Sheet]) -> Iterator[tuple[Sheet, Sheet]]:
    """Yield each count matrix of a directory with the sheet of its samples."""
    return ((sheets[counts], sheets[listing]) for counts, listing in MATRICES.items() if {counts, listing} <= {*sheets})


def _samples_match(sheets: dict[str, Sheet]) -> Iterator[Problem]:
    for counts, sheet in matrices(sheets):
        columns = [name for name in counts.frame.columns if name != "gene"]
        samples = sheet.frame["sample"].dropna()
        for row, sample in samples[~samples.isin(columns)].items():
            near, expected = nearest(sample, set(columns) - set(samples)), f"a column of {counts.file}"
            yield error(sheet.file, expected, row=row, column="sample", value=sample, suggestion=near)
        for column in columns:
            if column not in set(samples):
                near, expected = nearest(column, set(samples) - set(columns)), f"a sample of {sheet.file}"
                yield error(counts.file, expected, row=1, column=column, value=column, suggestion=near)


def _simulated_ids(sheets: dict[str, Sheet], kind: str | None) -> Iterator[Problem]:
    if kind is None:
        return
    for sheet in sheets.values():
        for column in SIMULATED_ID_COLUMNS:
            if column not in sheet.frame.columns or sheet.table.column(column) is None:
                continue
            ids = sheet.frame[column].dropna()
            simulated = ids.str.casefold().str.startswith(SIMULATED_PREFIX)
            wrong = ids[~simulated] if kind == "simulated" else ids[simulated]
            if wrong.empty:
                continue
            where = {"row": wrong.index[0], "column": column, "value": wrong.iloc[0]}
            rows = counted(len(wrong), "row")
            if kind == "simulated":
                expected = f"an id that begins with {SIMULATED_PREFIX} in simulated data ({rows} without)"
                yield warning(sheet.file, expected, **where)
            else:
                expected = (
                    f"no simulated {column} in data that dataset.toml calls {kind} ({rows} with {SIMULATED_PREFIX})"
                )
                yield error(sheet.file, expected, **where)
        if sheet.cells is not None:
            marked = "simulated" in json.dumps(sheet.cells.uns.get("endomtor_provenance"), default=str)
            if marked and kind != "simulated":
                expected = f"no simulated cells in data that dataset.toml calls {kind}"
                yield error(sheet.file, expected, column="uns", value="endomtor_provenance")
            elif kind == "simulated" and not marked:
                expected = "endomtor_provenance to say that these cells are simulated"
                yield warning(sheet.file, expected, column="uns")


def _expression_sex(sheets: dict[str, Sheet]) -> Iterator[Problem]:
    for sheet, unit, sums in _sex_genes(sheets):
        stated = sheet.frame[[unit, "sex"]].dropna().drop_duplicates(unit)
        called = _called_sexes(sums)
        for row, name, sex in stated.itertuples(name=None):
            if sex in ("F", "M") and called.get(name, sex) != sex:
                yield error(
                    sheet.file,
                    f"{called[name]}, the sex in which {unit} {quoted(name)} expresses its genes"
                    f" (Xist {sums.at[name, 'Xist']:.0f}, Y genes {_male(sums)[name]:.0f} counts)",
                    row=row,
                    column="sex",
                    value=sex,
                )


def expressed_sex(sheets: dict[str, Sheet]) -> list[Problem]:
    """Fill in the sex of animals whose sheet does not tell it, from their genes of sex, and say so.

    An untold sex would otherwise hide that a group is of one sex.
    """
    untold = {name: one for name, one in sheets.items() if "sex" in one.frame and one.frame["sex"].isin(UNTOLD).any()}
    if not untold:
        return []
    problems = []
    for sheet, unit, sums in _sex_genes(sheets):
        told = sheet.frame[unit].map(_called_sexes(sums))
        filled = told.notna() & sheet.frame["sex"].isin(UNTOLD)
        if filled.any():
            sheet.frame = sheet.frame.assign(sex=sheet.frame["sex"].where(~filled, told))
            own = sheet.frame.loc[filled, [unit, "sex"]].drop_duplicates(unit)
            named = listed([f"{sex} {counted(n, unit)}" for sex, n in own["sex"].value_counts().items()], "and")
            expected = f"the sex of each {unit}; Xist and Y genes tell it and are believed ({named})"
            row = own.index[0]
            problems.append(
                warning(sheet.file, expected, row=row, column="sex", value=sheet.raw.at[row, "sex"] or "empty")
            )
    return problems


def _sex_genes(sheets: dict[str, Sheet]) -> Iterator[tuple[Sheet, str, pd.DataFrame]]:
    """Yield tables with expression: the sheet that states sex, the column that names its counts, and these counts.

    Of the genes of sex and of all genes (`library`). With only one sex's genes in the matrix nothing is yielded: zero
    counts cannot be told from genes left out.
    """
    found = []
    for matrix, samples in matrices(sheets):
        counts = matrix.frame.drop_duplicates("gene").set_index("gene")
        columns = [name for name in counts.columns if name in set(samples.frame["sample"])]
        genes = [gene for gene in ("Xist", *Y_GENES) if gene in counts.index]
        sums = counts.loc[genes, columns].T.assign(library=counts[columns].sum(axis=0))
        found.append((samples, "sample", sums.astype(float)))
    found += [(sheet, "animal", _sex_genes_of_cells(sheet)) for sheet in sheets.values() if sheet.cells is not None]
    for sheet, unit, sums in found:
        if "Xist" in sums and sums.columns.isin(Y_GENES).any():
            yield sheet, unit, sums


def _sex_genes_of_cells(sheet: Sheet) -> pd.DataFrame:
    """Return the counts of each animal's cells: of the genes of sex that are there, and all together (`library`)."""
    genes = [gene for gene in ("Xist", *Y_GENES) if gene in sheet.cells.var_names]
    places = sheet.cells.var_names.get_indexer(genes)
    values = np.zeros((len(sheet.frame), len(genes) + 1))
    for rows, matrix in chunks(sheet.cells):
        values[rows, :-1] = matrix[:, places].toarray()
        values[rows, -1] = np.asarray(matrix.sum(axis=1)).ravel()
    return pd.DataFrame(values, sheet.frame.index, [*genes, "library"]).groupby(sheet.frame["animal"]).sum()


def _male(sums: pd.DataFrame) -> pd.Series:
    return sums[sums.columns.intersection(Y_GENES)].sum(axis=1)


def _called_sexes(sums: pd.DataFrame) -> dict[str, str]:
    """Return the sex of each unit that its counts tell."""
    calls = zip(sums.index, sums["Xist"], _male(sums), sums["library"], strict=True)
    return {name: sex for name, *counts in calls if (sex := _called_sex(*counts))}


def _called_sex(female: float, male: float, library: float) -> str | None:
    enough = max(SEX_COUNTS, SEX_PER_MILLION * library / 1e6)
    if female >= enough and female >= SEX_RATIO * male:
        return "F"
    if male >= enough and male >= SEX_RATIO * female:
        return "M"
    return None


# --- warnings --------------------------------------------------------------------------------------------------------

UNTOLD = ("", "mixed", "unknown")
"""Levels of sex or batch that tell nothing."""


def units(table: Table, frame: pd.DataFrame) -> pd.Series:
    """Return the unit of each row, of a recipient in `survival` the exposed animal: "" where that is unknown."""
    if "experiment" not in frame:
        return frame[table.unit]
    exposed = frame.get("exposed_animal", pd.Series("", frame.index))
    return exposed.where(frame["experiment"] == "transplant", frame[table.unit])


def contrasts(table: Table, frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs of groups that are compared in a table: (treated, reference), both present."""
    present = set(frame[table.group])
    if table.group == "treatment":
        pairs = [("rapamycin", "vehicle")]
    else:
        pairs = [("aged", "young"), ("ecko", "control" if "control" in present else "young")]
        if {"vehicle", "rapamycin"} <= present:
            pairs.append(("rapamycin", "vehicle"))
    return [pair for pair in pairs if set(pair) <= present]


def aligned(frame: pd.DataFrame, unit: str, group: str, factor: str, pair: tuple[str, str]) -> str:
    """Say how `factor` (sex or batch) is confounded with a pair of groups: "complete", "partial" or "".

    Complete: no level is found in both groups. A batch of each unit's own is part of the differences between units and
    confounds nothing; unknown or mixed sex and blank batches tell nothing.
    """
    # As sets: fragility asks this hundreds of times, of a few dozen units.
    found = set(zip(frame[unit], frame[group], frame[factor], strict=True))
    sides = [{(one, level) for one, side, level in found if side == name and level not in UNTOLD} for name in pair]
    if not all(sides):
        return ""
    levels = [{level for _, level in side} for side in sides]
    if levels[0] & levels[1]:
        return "partial" if levels[0] != levels[1] else ""
    own = all(len(seen) == len({one for one, _ in side}) > 1 for seen, side in zip(levels, sides, strict=True))
    return "" if own else "complete"


def design_warnings(sheet: Sheet) -> Iterator[tuple[Problem, tuple[str, str] | None]]:
    """Yield remarks on groups, their sizes, sexes and batches in one table.

    With each comes the pair of groups whose comparison has no verdict because of it, or None.
    """
    table, whole = sheet.table, sheet.frame
    if not table.group or whole.empty:
        return
    whole = whole.assign(**{table.unit: units(table, whole)})
    whole = whole[whole[table.unit] != ""]
    present = set(whole[table.group])
    if {"ecko", "young"} <= present and "control" not in present:
        expected = "control littermates of the ecko mice; young mice stand in for them"
        yield warning(sheet.file, expected, column=table.group, value="no control"), None
    strata = {"": whole}
    if table.stratum:
        strata = {f" among {level} mice": part for level, part in whole.groupby(table.stratum)}
    elif "experiment" in whole.columns:
        strata = {f" in the {level} experiment": part for level, part in whole.groupby("experiment")}
    for place, frame in strata.items():
        n = frame.groupby(table.group)[table.unit].nunique()
        for group in n.index[n == 1]:
            expected = f"at least two in a group; {group} is not testable here"
            yield warning(sheet.file, expected, column=table.unit, value=f"one {table.unit} in {group}{place}"), None
        for pair in contrasts(table, frame):
            if min(n[group] for group in pair) > 1:
                yield from _pair_warnings(sheet, frame, n, pair, place)


def _pair_warnings(sheet: Sheet, frame: pd.DataFrame, n: pd.Series, pair: tuple[str, str], place: str):
    table, (treated, reference) = sheet.table, pair
    smallest = 2 / comb(int(n[treated] + n[reference]), int(n[treated]))
    if smallest >= 0.05:
        expected = f"enough for a permutation p below 0.05 (the smallest possible here is {smallest:.2g})"
        found = f"{n[treated]} {treated} against {n[reference]} {reference}{place}"
        yield warning(sheet.file, expected, column=table.unit, value=found), None
    for factor in [name for name in ("sex", "batch") if name in frame.columns]:
        if how := aligned(frame, table.unit, table.group, factor, pair):
            levels = {group: sorted({*frame.loc[frame[table.group] == group, factor]} - {""}) for group in pair}
            split = "; ".join(f"{group} in {listed(of_group, 'and')}" for group, of_group in levels.items())
            expected = f"{treated} and {reference} mice in every {factor}"
            expected += ", so the verdict is withheld" if how == "complete" else ""
            found = f"{how} confounding{place} ({split})"
            yield warning(sheet.file, expected, column=factor, value=found), pair if how == "complete" else None
        elif factor == "sex":
            yield from ((one, None) for one in _sex_imbalance(sheet, frame, pair, place))


def _sex_imbalance(sheet: Sheet, frame: pd.DataFrame, pair: tuple[str, str], place: str) -> Iterator[Problem]:
    """Remark on groups in both of which are females and males, but in very different numbers."""
    table = sheet.table
    units = set(zip(frame[table.unit], frame[table.group], frame["sex"], strict=True))
    counts = [Counter(sex for _, side, sex in units if side == group and sex in ("F", "M")) for group in pair]
    if not all(counts):
        return
    shares = [one["F"] / one.total() for one in counts]
    if abs(shares[0] - shares[1]) < SEX_IMBALANCE:
        return
    split = "; ".join(f"{group} {one['F']} F and {one['M']} M" for group, one in zip(pair, counts, strict=True))
    expected = f"females and males in like shares among {pair[0]} and {pair[1]} mice"
    yield warning(sheet.file, expected, column="sex", value=f"unequal sexes{place} ({split})")


def content_warnings(sheet: Sheet) -> list[Problem]:
    """Remarks on what one table holds: names, backgrounds, deaths, lineages."""
    rules = (_unknown_names, _two_sexes, _old_symbols, *_of_columns(_WARNINGS, sheet.table))
    return list(chain.from_iterable(rule(sheet) for rule in rules))


def _unknown_names(sheet: Sheet) -> Iterator[Problem]:
    for column, names, known in _named(sheet):
        for row, name in names[~names.isin(list(known))].items():
            yield warning(
                sheet.file,
                f"a name of data/vocabulary.toml, [{column.vocabulary}]",
                row=row,
                column=column.name,
                value=name,
                suggestion=nearest(name, known),
            )


def _two_sexes(sheet: Sheet) -> Iterator[Problem]:
    if not {"animal", "sex"} <= set(sheet.frame.columns):
        return
    pairs = set(zip(sheet.frame["animal"], sheet.frame["sex"], strict=True))
    if len({animal for animal, _ in pairs}) == len(pairs):
        return
    sexes = sheet.frame.loc[sheet.frame["sex"].isin(("F", "M")), ["animal", "sex"]].drop_duplicates()
    for row in sexes.index[sexes["animal"].duplicated()]:
        animal = sexes.at[row, "animal"]
        expected = f"one sex of animal {quoted(animal)}"
        yield warning(sheet.file, expected, row=row, column="sex", value=sexes.at[row, "sex"])


def _backgrounds(sheet: Sheet) -> Iterator[Problem]:
    frame = sheet.frame
    if "fmo_mfi" not in frame.columns:
        return
    below = frame.index[frame["mfi"] < frame["fmo_mfi"]]
    if len(below):
        row = below[0]
        rows = counted(len(below), "row")
        expected = f"an mfi above its background fmo_mfi of {frame.at[row, 'fmo_mfi']:g} ({rows} below)"
        yield warning(sheet.file, expected, row=row, column="mfi", value=sheet.raw.at[row, "mfi"])
    if shared_background(frame):
        yield warning(
            sheet.file,
            "a background of each animal's own; log2(MFI) is primary here",
            column="fmo_mfi",
            value="one background tube per group and day",
        )


def shared_background(frame: pd.DataFrame) -> bool:
    """Is the background of `bmec_signaling` one tube per marker, group and day, and so no animal's own?

    True when most sets of two or more animals of one marker, group and stain day (or batch, where the day is not given)
    have a single value of `fmo_mfi`.
    """
    return _most(single for _, single in _single_tubes(frame))


def shared_backgrounds(frame: pd.DataFrame) -> set[str]:
    """Return the markers of `bmec_signaling` whose own rows have a `shared_background`."""
    tubes = _single_tubes(frame)
    return {marker for marker, _ in tubes if _most(single for other, single in tubes if other == marker)}


def _single_tubes(frame: pd.DataFrame) -> list[tuple[str, bool]]:
    """Return, for each set of several animals of one marker, group and day, the marker and whether one value is all."""
    if "fmo_mfi" not in frame.columns:
        return []
    known = frame[frame["fmo_mfi"].notna()]
    day = known["stain_day" if "stain_day" in frame.columns else "batch"]
    sets: dict[tuple[str, str, str], list[float]] = {}
    for *place, value in zip(known["marker"], known["group"], day, known["fmo_mfi"], strict=True):
        sets.setdefault(tuple(place), []).append(value)
    return [(place[0], len(set(values)) == 1) for place, values in sets.items() if len(values) > 1]


def _most(answers: Iterable[bool]) -> bool:
    answers = list(answers)
    return 2 * sum(answers) > len(answers)


def _old_symbols(sheet: Sheet) -> Iterator[Problem]:
    """Say how many older symbols are read as today's, and which."""
    genes = sheet.frame.get("gene") if sheet.cells is None else sheet.cells.var_names
    pairs = {} if genes is None else outdated(genes)
    if pairs:
        several = f"{len(pairs)} older gene symbols" if len(pairs) > 1 else "an older gene symbol"
        named = ", ".join(f"{old} = {new}" for old, new in pairs.items())
        expected = f"today's; read as such ({named}; data/genesets/renamed_symbols.csv)"
        yield warning(sheet.file, expected, column="gene", value=several)


def _low_lineages(sheet: Sheet) -> Iterator[Problem]:
    rest = lineage_rest(sheet.frame)
    low = rest.index[rest > 0]
    rows = counted(len(low), "row")
    if len(low):
        yield warning(
            sheet.file,
            f"lineages that add to at least {LINEAGE_SUM[0]:g} per cent; the rest becomes other ({rows})",
            row=low[0],
            column=", ".join(LINEAGES),
            value=f"a sum of {100 - rest[low[0]]:g}",
        )


def lineage_rest(frame: pd.DataFrame) -> pd.Series:
    """Return what is missing to 100 per cent where the lineages of a row add to less than 98, else 0."""
    values = frame[_lineages_in(frame)].to_numpy(float)
    total = np.nansum(values, axis=1)
    low = ~np.isnan(values[:, : len(LINEAGES)]).any(axis=1) & (total < LINEAGE_SUM[0])
    return pd.Series(np.where(low, 100 - total, 0.0), index=frame.index)


def _transplant_notes(sheet: Sheet) -> Iterator[Problem]:
    frame = sheet.frame
    if "status" in frame.columns:
        lost = set(zip(frame["niche"], frame["recipient"], frame["status"] == "died", strict=True))
        died = Counter(niche for niche, _, dead in lost if dead)
        if died:
            yield _deaths(sheet, "status", dict(sorted(died.items())))
    if frame["donor"].nunique() == 1:
        yield warning(
            sheet.file,
            "several donors; what is seen holds for this donor's cells",
            column="donor",
            value=f"one donor only ({frame['donor'].iloc[0]})",
        )
    other = frame.index[(frame["passage"] == 1) & (frame["recipient"] != frame["exposed_animal"])]
    if len(other):
        row = other[0]
        yield warning(
            sheet.file,
            f"in passage 1 the recipient itself, {quoted(frame.at[row, 'recipient'])} ({counted(len(other), 'row')})",
            row=row,
            column="exposed_animal",
            value=frame.at[row, "exposed_animal"],
        )


def _dilution_deaths(sheet: Sheet) -> Iterator[Problem]:
    if "died_before_readout" in sheet.frame.columns:
        died = sheet.frame.groupby("group")["died_before_readout"].sum()
        if died.sum() > 0:
            yield _deaths(sheet, "died_before_readout", died.to_dict())


def _deaths(sheet: Sheet, column: str, died: Mapping[str, float]) -> Problem:
    counts = listed([f"{int(number)} in {group}" for group, number in died.items()], "and")
    return warning(
        sheet.file,
        "every recipient alive at the read-out; survivors may differ from those lost",
        column=column,
        value=f"deaths before the read-out ({counts})",
    )


def _analyte_units(sheet: Sheet) -> Iterator[Problem]:
    used = dict.fromkeys(zip(sheet.frame["analyte"], sheet.frame["unit"], strict=True))
    several = [analyte for analyte, count in Counter(analyte for analyte, _ in used).items() if count > 1]
    for analyte in sorted(several):
        units = sheet.frame.loc[sheet.frame["analyte"] == analyte, "unit"].drop_duplicates()
        expected = f"{quoted(units.iloc[0])} throughout {analyte}"
        yield warning(sheet.file, expected, row=units.index[1], column="unit", value=units.iloc[1])


def _unknown_exposed(sheet: Sheet) -> Iterator[Problem]:
    unknown = sheet.frame.index[units(sheet.table, sheet.frame) == ""]
    if len(unknown):
        yield warning(
            sheet.file,
            "the exposed animal of each recipient, here or in serial_transplants.csv; without it they have no n "
            f"({counted(len(unknown), 'row')})",
            row=unknown[0],
            column="exposed_animal",
            value="",
        )


_WARNINGS = (
    (("mfi", "fmo_mfi"), _backgrounds),
    (LINEAGES, _low_lineages),
    (("recipient", "exposed_animal", "passage"), _transplant_notes),
    (("died_before_readout",), _dilution_deaths),
    (("analyte", "unit"), _analyte_units),
    (("experiment", "exposed_animal"), _unknown_exposed),
)
"""Each rule with the columns of the tables that it holds in."""


def directory_warnings(sheets: dict[str, Sheet]) -> Iterator[Problem]:
    """Remarks on what the directory as a whole holds."""
    absent = {
        sheet.table.verified_by
        for sheet in sheets.values()
        if sheet.table.verified_by not in ("", *sheets) and "ecko" in set(sheet.frame[sheet.table.group])
    }
    for name in sorted(absent):
        expected = "this table beside the ECKO tables"
        yield warning(TABLES[name].file, expected, value="niche attribution not verified")
