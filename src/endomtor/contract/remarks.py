"""Remarks on what a whole file holds, once for each directory that is read: mixed-up samples, columns, leaps in time.

Cohorts drawn in memory do not come here: nobody mixed them up, and correlating samples takes longer than drawing them.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from endomtor.contract.problems import Problem, listed, quoted, warning
from endomtor.contract.reading import Sheet
from endomtor.contract.rules import matrices

LIBRARY_RATIO = 3.0
"""A library is outlying when it is so many times larger or smaller than the median (an assumption)."""

CHIMERISM_LEAP = 50.0
"""Points of per cent between one week and the next."""

# A sample looks swapped when it is nearer to another group's mean than to its own by this share of what the others of
# both groups are nearer to their own (differences of Pearson correlations; the median must be at least SWAP_LEAST).
# Of 120 cohorts of 4 animals a group drawn without a swap 0.8 per cent raised this remark; of swaps between young and
# aged in the world `paper` it found 80 per cent.
SWAP_SHARE, SWAP_LEAST, SWAP_ANIMALS = 0.8, 0.2, 4
SWAP_PER_MILLION = 20.0


def file_remarks(sheets: dict[str, Sheet]) -> Iterator[Problem]:
    """Yield remarks on the sheets of one directory, what is excluded left out."""
    for sheet in sheets.values():
        yield from _equal_columns(sheet)
        if "donor_chimerism_pct" in sheet.frame:
            yield from _chimerism_leaps(sheet)
    for counts, samples in matrices(sheets):
        there = samples.frame[samples.frame["sample"].isin(counts.frame.columns)]
        if len(there):
            matrix = counts.frame[list(there["sample"])]
            yield from _library_sizes(counts, matrix)
            yield from _equal_samples(counts, matrix)
            yield from _swapped(samples, there, matrix)


def _equal_columns(sheet: Sheet) -> Iterator[Problem]:
    names = [column.name for column in sheet.table.columns if column.kind == "number" and column.name in sheet.frame]
    for one, other in combinations(names, 2):
        a, b = (sheet.frame[name].to_numpy(float) for name in (one, other))
        both = ~(np.isnan(a) | np.isnan(b))
        # Few or constant values agree by chance or by design.
        if both.sum() >= 4 and len(np.unique(a[both])) >= 4 and np.array_equal(a, b, equal_nan=True):
            expected = f"other values than column {quoted(one)} has"
            yield warning(sheet.file, expected, row=1, column=other, value="the same number in every row")


def _chimerism_leaps(sheet: Sheet) -> Iterator[Problem]:
    courses = [name for name in ("recipient", "tissue", "readout") if name in sheet.frame]
    known = sheet.frame.dropna(subset="donor_chimerism_pct").sort_values("week", kind="stable")
    known = known.assign(row=known.index)
    before = known.groupby(courses)[["row", "week", "donor_chimerism_pct"]].shift()
    leap = (known["donor_chimerism_pct"] - before["donor_chimerism_pct"]).abs() > CHIMERISM_LEAP
    for row in sorted(known.index[leap]):
        week, value = before.at[row, "week"], before.at[row, "donor_chimerism_pct"]
        expected = (
            f"less than {CHIMERISM_LEAP:g} points from the {value:g} of week {week:g}, row {before.at[row, 'row']:.0f}"
        )
        found = sheet.raw.at[row, "donor_chimerism_pct"]
        yield warning(sheet.file, expected, row=row, column="donor_chimerism_pct", value=found)


def _library_sizes(sheet: Sheet, matrix: pd.DataFrame) -> Iterator[Problem]:
    sizes = matrix.sum(axis=0)
    middle = sizes.median()
    for sample, size in sizes.items():
        if not middle / LIBRARY_RATIO <= size <= middle * LIBRARY_RATIO:
            expected = f"a library within {LIBRARY_RATIO:g} times the median of {middle:,.0f} counts"
            yield warning(sheet.file, expected, column=str(sample), value=f"{size:,} counts")


def _equal_samples(sheet: Sheet, matrix: pd.DataFrame) -> Iterator[Problem]:
    first: dict[bytes, str] = {}
    for sample in matrix.columns:
        earlier = first.setdefault(matrix[sample].to_numpy().tobytes(), str(sample))
        if earlier != sample and len(matrix) > 1:
            expected = f"other counts than column {quoted(earlier)} has"
            yield warning(sheet.file, expected, row=1, column=str(sample), value="the same count of every gene")


def _swapped(sheet: Sheet, samples: pd.DataFrame, matrix: pd.DataFrame) -> Iterator[Problem]:
    by = samples["population"] if "population" in samples else pd.Series("", index=samples.index)
    for _, rows in samples.groupby(by):
        looks: dict[int, set[str]] = {}
        sizes = rows["group"].value_counts()
        pairs = combinations(sorted(sizes.index[sizes >= SWAP_ANIMALS]), 2)
        logs, group = _logs(rows, matrix), rows["group"].to_numpy()
        for pair in pairs:
            for place in _out_of_place(logs, group, pair):
                other = pair[1] if group[place] == pair[0] else pair[0]
                looks.setdefault(place, set()).add(other)
        for place, groups in sorted(looks.items()):
            row = rows.index[place]
            expected = f"expression that correlates best with its own group, not with {listed(sorted(groups))}"
            expected += " (samples or labels may be swapped)"
            yield warning(sheet.file, expected, row=row, column="sample", value=rows.at[row, "sample"])


def _logs(rows: pd.DataFrame, matrix: pd.DataFrame) -> np.ndarray:
    """Return log2 counts per million of expressed genes, genes x samples, without the mean of each batch."""
    counts = matrix[list(rows["sample"])].to_numpy(float)
    rates = 1e6 * counts / counts.sum(axis=0)
    logs = np.log2(rates[rates.mean(axis=1) >= SWAP_PER_MILLION] + 1)
    for batch in rows["batch"].unique():
        own = (rows["batch"] == batch).to_numpy()
        logs[:, own] -= logs[:, own].mean(axis=1, keepdims=True)
    return logs


def _out_of_place(logs: np.ndarray, group: np.ndarray, pair: tuple[str, str]) -> list[int]:
    """Return the places of samples of two groups that belong to the other one, as far as correlation tells."""
    nearer, sums = {}, {name: logs[:, group == name].sum(axis=1) for name in pair}
    for place in np.flatnonzero(np.isin(group, pair)):
        other = pair[1] if group[place] == pair[0] else pair[0]
        # A correlation with a sum is that with the mean.
        others = sums[group[place]] - logs[:, place], sums[other]
        to_own, to_other = (_correlation(logs[:, place], one) for one in others)
        nearer[place] = to_own - to_other
    found = []
    for place, value in nearer.items():
        others = [one for where, one in nearer.items() if where != place]
        middle = float(np.median(others))
        if min(others) > 0 and middle >= SWAP_LEAST and value < -SWAP_SHARE * middle:
            found.append(int(place))
    return found


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else 0.0
