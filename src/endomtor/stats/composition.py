"""Percentages that add to a whole (blood lineages): log-ratios, so that one part's rise is not another's fall.

Aitchison 1986; Egozcue et al. 2003 (doi 10.1023/A:1023818214614); balances: Egozcue and Pawlowsky-Glahn 2005
(doi 10.1007/s11004-005-7381-9). Own code for the transforms, a few lines each; the test is that of statsmodels.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from endomtor.stats.groups import difference
from endomtor.stats.multiplicity import holm
from endomtor.stats.units import block_levels, columns, numbers, one_row_per_unit

DELTA = 0.065
"""Stand-in for a zero, in per cent of the parts' sum: 65 % of a detection limit of 0.1 % (the limit is an
assumption)."""

LINEAGE_BASIS = {"myeloid_lymphoid": (1, -1, -1), "b_t": (0, 1, -1)}
"""Balances of (myeloid, B, T). The first is primary: sqrt(2/3) ln(myeloid / sqrt(B T)); the second sqrt(1/2) ln(B /
T)."""


def closure(parts: pd.DataFrame) -> pd.DataFrame:
    """Divide each row by its sum.

    Parameters
    ----------
    parts : DataFrame
        One row per unit and one column per part, in any common unit.

    Returns
    -------
    DataFrame
        Shape of `parts`, rows add to 1. Rows with a missing part, or whose parts are all 0, become missing.

    Raises
    ------
    ValueError
        A part is text, infinite or negative, or there is no part.

    Examples
    --------
    >>> import pandas as pd
    >>> from endomtor.stats import closure
    >>> blood = pd.DataFrame(
    ...     {"myeloid": [20, 30], "b": [50, 0], "t": [30, 70]},
    ...     index=["m1", "m2"],
    ... )
    >>> closure(blood)
        myeloid    b    t
    m1      0.2  0.5  0.3
    m2      0.3  0.0  0.7
    """
    if not parts.shape[1]:
        raise ValueError("the composition has no parts, expected a column for each")
    columns(parts, *parts.columns)
    values = np.column_stack([numbers(parts[part]) for part in parts.columns])
    if (values < 0).any():
        raise ValueError(f"a part of the composition is {np.nanmin(values)}, expected 0 or more")
    if np.isinf(values).any():
        raise ValueError("a part of the composition is infinite, expected a finite number")
    total = values.sum(axis=1, keepdims=True)
    return pd.DataFrame(values / np.where(total > 0, total, np.nan), index=parts.index, columns=parts.columns)


def replace_zeros(parts: pd.DataFrame, *, delta: float = DELTA) -> pd.DataFrame:
    """Close each row to 1 and put `delta` in the place of zeros, the other parts shrinking in proportion.

    Multiplicative replacement (Martin-Fernandez et al. 2003, doi 10.1023/A:1023866030544), which keeps the ratios
    between the parts that are not 0.

    Parameters
    ----------
    parts : DataFrame
        One row per unit, one column per part.
    delta : float
        In per cent of the row's sum. `DELTA` is 0.065: 65 % of a detection limit of 0.1 %, which is an assumption.

    Raises
    ------
    ValueError
        As for `closure`; also where `delta` is not between 0 and 100 divided by the number of parts.

    Examples
    --------
    >>> import pandas as pd
    >>> from endomtor.stats import replace_zeros
    >>> blood = pd.DataFrame(
    ...     {"myeloid": [20, 30], "b": [50, 0], "t": [30, 70]},
    ...     index=["m1", "m2"],
    ... )
    >>> replace_zeros(blood, delta=0.1)
        myeloid      b       t
    m1   0.2000  0.500  0.3000
    m2   0.2997  0.001  0.6993
    """
    closed = closure(parts).to_numpy()
    if not 0 < delta < 100 / parts.shape[1]:
        raise ValueError(f"delta is {delta} per cent, expected more than 0 and less than {100 / parts.shape[1]:g}")
    zero = closed == 0
    shrunk = closed * (1 - zero.sum(axis=1, keepdims=True) * delta / 100)
    return pd.DataFrame(np.where(zero, delta / 100, shrunk), index=parts.index, columns=parts.columns)


def clr(parts: pd.DataFrame, *, delta: float = DELTA) -> pd.DataFrame:
    """Return the centred log-ratios ln(part / geometric mean of the parts); same shape as `parts`, rows add to 0.

    Zeros are replaced first (`replace_zeros`, which see for `delta` and errors); rows with a missing part become
    missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from endomtor.stats import clr
    >>> blood = pd.DataFrame(
    ...     {"myeloid": [20, 30], "b": [50, 0], "t": [30, 70]},
    ...     index=["m1", "m2"],
    ... )

    The zero of m2 is replaced first:

    >>> clr(blood).round(2)
        myeloid     b     t
    m1    -0.44  0.48 -0.04
    m2     1.76 -4.37  2.61
    """
    logs = np.log(replace_zeros(parts, delta=delta))
    return logs.sub(logs.mean(axis=1, skipna=False), axis=0)


def sequential_basis(parts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the basis ilr1, ilr2, ...: the first k parts against part k + 1.

    ilr_k = sqrt(k/(k+1)) ln(geometric mean of parts 1..k / part k+1).

    Examples
    --------
    >>> from endomtor.stats.composition import sequential_basis
    >>> sequential_basis(["myeloid", "b", "t"])
    {'ilr1': (1, -1, 0), 'ilr2': (1, 1, -1)}
    """
    size = len(parts)
    return {f"ilr{k}": (1,) * k + (-1,) + (0,) * (size - k - 1) for k in range(1, size)}


def ilr(
    parts: pd.DataFrame, basis: Mapping[str, Sequence[int]] = LINEAGE_BASIS, *, delta: float = DELTA
) -> pd.DataFrame:
    """Return isometric log-ratio coordinates (balances).

    Parameters
    ----------
    parts : DataFrame
        One row per unit, one column per part, in the order of the signs in `basis`.
    basis : mapping
        Name of each balance to a sign per part: 1 numerator, -1 denominator, 0 not in it. `LINEAGE_BASIS` for (myeloid,
        B, T): "myeloid_lymphoid" (1, -1, -1) and "b_t" (0, 1, -1). `sequential_basis(parts)` for any parts.
    delta : float
        See `replace_zeros`.

    Returns
    -------
    DataFrame
        One column per balance: sqrt(r s / (r + s)) ln(geometric mean of r parts / geometric mean of s parts).

    Raises
    ------
    ValueError
        As for `replace_zeros`; also where a balance has not one sign per part, or the balances are not orthogonal.

    Examples
    --------
    >>> import pandas as pd
    >>> from endomtor.stats import ilr
    >>> blood = pd.DataFrame(
    ...     {"myeloid": [20, 30], "b": [50, 0], "t": [30, 70]},
    ...     index=["m1", "m2"],
    ... )
    >>> ilr(blood).round(2)
        myeloid_lymphoid   b_t
    m1             -0.54  0.36
    m2              2.16 -4.94
    """
    if not basis or any(len(row) != parts.shape[1] for row in basis.values()):
        raise ValueError(f"each balance needs {parts.shape[1]} signs, one per part")
    signs = np.array([list(row) for row in basis.values()], dtype=float)
    r, s = (signs > 0).sum(axis=1, keepdims=True), (signs < 0).sum(axis=1, keepdims=True)
    if (r * s == 0).any():
        raise ValueError("each balance needs a part in its numerator and one in its denominator")
    weights = np.sqrt(r * s / (r + s)) * np.where(signs > 0, 1 / r, np.where(signs < 0, -1 / s, 0.0))
    if not np.allclose(weights @ weights.T, np.eye(len(weights))):
        raise ValueError("the balances are not orthogonal, expected those of a sequential binary partition")
    logs = np.log(replace_zeros(parts, delta=delta))
    return pd.DataFrame(logs.to_numpy() @ weights.T, index=parts.index, columns=list(basis))


def lineage_balance(
    frame: pd.DataFrame, *, myeloid: str = "myeloid_pct", b: str = "b_pct", t: str = "t_pct", delta: float = DELTA
) -> pd.Series:
    """Return the book's primary lineage endpoint, myeloid against lymphoid: sqrt(2/3) ln(myeloid / sqrt(B T)).

    Parameters
    ----------
    frame : DataFrame
        One row per sample; NK and other cells do not enter.
    myeloid, b, t : str
        Columns of per cent (any common unit).
    delta : float
        Stand-in for a zero, in per cent of myeloid + B + T.

    Returns
    -------
    Series
        Named "myeloid_balance", index of `frame`; missing where a lineage is missing or all three are 0.

    Raises
    ------
    ValueError
        As for `replace_zeros`; also where a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from endomtor.stats import lineage_balance
    >>> blood = pd.DataFrame(
    ...     [[20, 50, 30], [40, 35, 25]],
    ...     index=["young", "aged"],
    ...     columns=["myeloid_pct", "b_pct", "t_pct"],
    ... )
    >>> lineage_balance(blood).round(3)
    young   -0.540
    aged     0.246
    Name: myeloid_balance, dtype: float64
    """
    columns(frame, myeloid, b, t)
    balances = ilr(frame[[myeloid, b, t]], LINEAGE_BASIS, delta=delta)
    return balances["myeloid_lymphoid"].rename("myeloid_balance")


def manova(frame: pd.DataFrame, *, values: Sequence[str], group: str, unit: str) -> pd.DataFrame:
    """Test whether groups differ in several coordinates at once (one-way MANOVA on ILR coordinates).

    Parameters
    ----------
    frame : DataFrame
        One row per unit; rows with a missing coordinate or group are left out.
    values : sequence of str
        Columns, for example those of `ilr`. The answer does not depend on the basis.
    group, unit : str
        Columns.

    Returns
    -------
    DataFrame
        Columns test, stat, F, df1, df2, p; rows Pillai (the one to read: robust to unequal spread), Wilks,
        Hotelling-Lawley, Roy. statsmodels, with R's F approximation for Hotelling-Lawley.

    Raises
    ------
    UnitError
        A unit is blank or occurs in several rows, or its column is missing.
    ValueError
        Another column is missing, a coordinate is text or infinite, there is none, fewer than two groups, or too few
        units for the coordinates.

    Examples
    --------
    >>> import pandas as pd
    >>> from endomtor.stats import ilr, manova
    >>> blood = pd.DataFrame({
    ...     "animal": list("abcdefgh"),
    ...     "group": ["control"] * 4 + ["ecko"] * 4,
    ...     "myeloid": [20, 24, 22, 19, 33, 38, 30, 36],
    ...     "b": [50, 45, 49, 52, 40, 38, 41, 36],
    ...     "t": [30, 31, 29, 29, 27, 24, 29, 28],
    ... })
    >>> mice = blood.join(ilr(blood[["myeloid", "b", "t"]]))
    >>> names = ["myeloid_lymphoid", "b_t"]
    >>> table = manova(mice, values=names, group="group", unit="animal")
    >>> table.round(4)
                   test    stat        F  df1  df2       p
    0            Pillai  0.8739  17.3321  2.0  5.0  0.0056
    1             Wilks  0.1261  17.3321  2.0  5.0  0.0056
    2  Hotelling-Lawley  6.9328  17.3321  2.0  5.0  0.0056
    3               Roy  6.9328  17.3321  2.0  5.0  0.0056
    """
    from statsmodels.multivariate.manova import MANOVA

    one_row_per_unit(frame, unit, design="MANOVA")
    values = list(values)
    if not values:
        raise ValueError("no coordinate was given, expected the names of one or more columns")
    columns(frame, *values, group)
    y, labels = np.column_stack([numbers(frame[name]) for name in values]), block_levels(frame[group])
    known = ~np.isnan(y).any(axis=1) & (labels != "")
    rows, labels = pd.DataFrame(y[known], columns=values), labels[known]
    if np.isinf(rows).any(axis=None):
        raise ValueError("a coordinate is infinite, expected finite ones (was the log of 0 taken?)")
    groups = pd.get_dummies(labels, dtype=float)
    q, residual = groups.shape[1] - 1, len(rows) - groups.shape[1]
    if q < 1:
        raise ValueError(f"the column '{group}' has {groups.shape[1]} groups with values, expected two or more")
    if residual < len(values):
        raise ValueError(f"{len(rows)} units in {groups.shape[1]} groups are too few for {len(values)} coordinates")
    within = rows - rows.groupby(labels).transform("mean")
    rank = np.linalg.matrix_rank(within.to_numpy() / np.maximum(within.std().to_numpy(), 1e-300), tol=1e-7)
    if rank < len(values):
        raise ValueError(
            f"within groups the {len(values)} coordinates have rank {rank}: one follows from the others, as parts and "
            "their centred log-ratios do (take ILR balances)"
        )
    design = groups.assign(intercept=1.0).drop(columns=groups.columns[0])
    hypothesis = np.eye(design.shape[1])[:q]
    fit = MANOVA(rows.to_numpy(), design.to_numpy()).mv_test([("group", hypothesis)])
    names = {
        "Pillai's trace": "Pillai",
        "Wilks' lambda": "Wilks",
        "Hotelling-Lawley trace": "Hotelling-Lawley",
        "Roy's greatest root": "Roy",
    }
    table = fit.results["group"]["stat"].astype(float).rename(index=names).loc[list(names.values())]
    table.columns = ["stat", "df1", "df2", "F", "p"]
    # statsmodels uses another approximation (McKeon) for this one.
    s = min(len(values), q)
    df1, df2 = s * (abs(len(values) - q) + s), s * (residual - len(values) - 1) + 2
    f = df2 * table.loc["Hotelling-Lawley", "stat"] / (s * df1)
    table.loc["Hotelling-Lawley", ["df1", "df2", "F", "p"]] = [df1, df2, f, stats.f.sf(f, df1, df2)]
    return table.rename_axis("test").reset_index()[["test", "stat", "F", "df1", "df2", "p"]]


def part_contrasts(
    frame: pd.DataFrame,
    *,
    parts: Sequence[str],
    group: str,
    a: str,
    b: str,
    unit: str,
    block: str | None = None,
    delta: float = DELTA,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare each part's centred log-ratio between two groups.

    Parameters are those of `endomtor.stats.difference`; `parts` are columns of per cent, `delta` as in `replace_zeros`.

    Returns
    -------
    DataFrame
        One row per part: part, estimate (ln ratio to the geometric mean of the parts), ci_low, ci_high, df, p, p_holm
        (family: the parts), withheld.

    Raises
    ------
    UnitError, ValueError
        As for `endomtor.stats.difference` and `replace_zeros`.

    Examples
    --------
    >>> import pandas as pd
    >>> from endomtor.stats import part_contrasts
    >>> blood = pd.DataFrame({
    ...     "animal": list("abcdefgh"),
    ...     "group": ["control"] * 4 + ["ecko"] * 4,
    ...     "myeloid": [20, 24, 22, 19, 33, 38, 30, 36],
    ...     "b": [50, 45, 49, 52, 40, 38, 41, 36],
    ...     "t": [30, 31, 29, 29, 27, 24, 29, 28],
    ... })
    >>> table = part_contrasts(
    ...     blood, parts=["myeloid", "b", "t"], group="group", a="ecko",
    ...     b="control", unit="animal",
    ... )
    >>> kept = ["part", "estimate", "ci_low", "ci_high", "p_holm"]
    >>> table[kept].round(3)
          part  estimate  ci_low  ci_high  p_holm
    0  myeloid     0.429   0.263    0.596   0.003
    1        b    -0.282  -0.410   -0.155   0.004
    2        t    -0.147  -0.265   -0.029   0.027
    """
    parts = list(parts)
    columns(frame, *parts, unit=unit)
    logs = frame.assign(**clr(frame[parts], delta=delta))
    answers = [
        difference(logs, value=part, group=group, a=a, b=b, unit=unit, block=block, level=level) for part in parts
    ]
    kept = ("estimate", "ci_low", "ci_high", "df", "p", "withheld")
    table = pd.DataFrame([{name: getattr(answer, name) for name in kept} for answer in answers])
    table.insert(0, "part", parts)
    tested = table["p"].notna()
    table["p_holm"] = np.nan
    if tested.any():
        table.loc[tested, "p_holm"] = holm(table.loc[tested, "p"].to_numpy())
    return table[["part", "estimate", "ci_low", "ci_high", "df", "p", "p_holm", "withheld"]]
