"""Linear mixed models for repeated measures: random intercepts for the unit, for subsamples within it and for a block.

REML with the small-sample inference of Kenward & Roger. Own code: statsmodels' MixedLM reports z and fails at a zero
variance, and the two Python packages that claim Kenward and Roger's degrees of freedom, mixedlm 1.3.0 and interlace-lme
0.3.2, give 12.56 and 12.57 where R's pbkrtest, and this module, give 12.43 (`c_chimerism` of the tests' references).

Variances are estimated by projected Newton steps on the variances themselves (not on standard deviations, whose
gradient vanishes at zero), so a zero variance is an ordinary answer. All quantities are taken from cross products of
the random effects' columns, with the fixed effects taken off them and off the values first, so a step costs the cube of
the number of units and subunits, not of rows, and the size of the values' mean costs no digits.

References
----------
Kenward & Roger 1997 (doi 10.2307/2533558): adjusted covariance, scaled F. Halekoh & Hojsgaard 2014
(doi 10.18637/jss.v059.i09): the same as pbkrtest computes it. Searle, Speed & Milliken 1980
(doi 10.1080/00031305.1980.10483031): marginal means over a grid in which every level has equal weight, as in emmeans.
"""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real

import numpy as np
import pandas as pd
from scipy import linalg, special

from endomtor.errors import EndomtorError, UnitError
from endomtor.stats.multiplicity import holm
from endomtor.stats.units import check_level, columns, numbers

LARGEST_STEPS = 200
"""Newton steps; some ten are usual."""

SETTLED = 1e-10
"""Variances have settled when a Newton step promises less of the log likelihood than this."""

NEGLIGIBLE = 1e-8
"""A variance below this share of the residual one that is still falling is zero."""

NO_RESIDUAL = 1e-8
"""A residual variance below this share of the variance about the fixed effects is none."""


def fit(
    frame: pd.DataFrame,
    *,
    value: str,
    fixed: Sequence[str],
    unit: str,
    subunit: str | None = None,
    block: str | Sequence[str] | None = None,
    interaction: bool = True,
    covariates: Sequence[str] = (),
    categorical: Sequence[str] = (),
    levels: Mapping[str, Sequence] | None = None,
) -> "MixedFit":
    """Fit value ~ fixed effects + (1 | unit) + (1 | subunit in unit) + (1 | block) by REML.

    Parameters
    ----------
    frame : DataFrame
        One row per measurement (a visit of a recipient). Rows without a value are left out.
    value : str
        Column to model, on the scale of the analysis (logit chimerism); estimates have its unit.
    fixed : sequence of str
        Columns of the fixed effects. Text is categorical, numbers are slopes.
    unit : str
        Column of what the treatment was assigned to (donor, exposed animal).
    subunit : str, optional
        Column of the subsample that is measured repeatedly (recipient). Its ids must not recur in another unit.
    block : str or sequence of str, optional
        Columns of blocks (donor of cells that feeds several groups, batch). A constant or blank one leaves the model;
        blanks among labels are one level.
    interaction : bool
        Whether all products of the fixed effects enter (R's `*`), or the main effects only.
    covariates : sequence of str
        Columns of numbers that enter as slopes of their own and interact with nothing (the value before treatment).
    categorical : sequence of str
        Numeric columns to take as categories (week).
    levels : mapping, optional
        Order of a category's levels, the first being the reference. Else: of the dtype, or sorted.

    Raises
    ------
    UnitError
        The unit's column is missing, an id is blank, a subunit has two units, a row is doubled (in all columns, or in
        the subunit and all fixed effects that vary within it), each unit has one row, or the fixed effects leave
        nothing to judge units by.
    EndomtorError
        There are no values; a fixed effect is blank, of mixed types, has one level or an undeclared one; a combination
        of levels has no rows; a value or a number is infinite; the values do not vary within subunits.
    ValueError
        No fixed effect is named, a column is missing, a value is text, or a covariate is not a column of numbers.

    Notes
    -----
    A subunit or block that cannot be told from the other components (one recipient per unit, one row per recipient)
    leaves the model, with a warning.

    Examples
    --------
    >>> from endomtor.stats import mixed_model
    >>> blood = pd.DataFrame({"animal": np.repeat(list("abcdef"), 3), "treatment": ["vehicle"] * 9 + ["rapamycin"] * 9,
    ...     "day": [3, 7, 14] * 6, "log2_plt": [8.1, 8.6, 9.0, 7.6, 8.2, 8.8, 8.3, 8.7, 9.3] + [7.9, 8.1, 8.3, 7.5, 7.8,
    ...     7.9, 8.2, 8.3, 8.6]})
    >>> model = mixed_model(blood, value="log2_plt", fixed=["treatment", "day"], unit="animal")
    >>> model.n
    {'rows': 18, 'animal': 6}
    >>> table = model.slope_contrasts("day", between="treatment")
    >>> table[["contrast", "estimate", "SE", "df"]].round(3)
                  contrast  estimate     SE    df
    0  rapamycin - vehicle    -0.056  0.009  10.0
    """
    ids = [unit, subunit] if subunit else [unit]
    blocks = [block] if isinstance(block, str) else list(block or ())
    if not fixed:
        raise ValueError("fixed names no column, expected one or more (group, week)")
    columns(frame, value, *fixed, *covariates, *ids[1:], *blocks, unit=unit)
    values = numbers(frame[value])
    used = ~np.isnan(values)
    y = values[used]
    if not len(y):
        raise EndomtorError(f"The column '{value}' holds no values.")
    coded = {name: _Coded.of(frame[name], used) for name in dict.fromkeys([*fixed, *covariates, *ids])}
    _check_units(frame, used, coded, fixed, ids)
    if not np.isfinite(y).all():
        raise EndomtorError(
            f"The column '{value}' holds infinite values, expected finite ones (was a log of 0 taken?)."
        )
    layout = _layout(frame, coded, fixed, interaction, covariates, categorical, levels or {})
    x = layout.design({name: _column(layout, name, coded[name]) for name in (*fixed, *covariates)})
    q, r = _orthogonal(x, [*fixed, *covariates])
    random = {name: coded[name].codes for name in ids}
    for name in blocks:
        levels_of_block = _Coded.of(frame[name], used).text()
        if len(levels_of_block.found) > 1:
            random[name] = levels_of_block.codes
    n = {"rows": len(y)} | {name: int(codes.max()) + 1 for name, codes in random.items()}
    # In units of the standard deviation about the fixed effects, so that tolerances mean the same in any unit of the
    # value.
    residual = y - q @ (q.T @ y)
    scale = float(np.sqrt(residual @ residual / (len(y) - x.shape[1])))
    flat = EndomtorError(f"The column '{value}' does not vary within '{ids[-1]}' beyond the fixed effects.")
    if scale <= 1e-12 * np.abs(y).max():
        raise flat
    everything = _Moments.of([_indicator(codes) for codes in random.values()], q, y / scale)
    kept = _identifiable(everything, list(random), unit)
    moments = everything.of_components([place for place, name in enumerate(random) if name in kept])
    dropped = [name for name in random if name not in kept]
    warnings = [f"The variance of '{name}' cannot be told from the others and left the model." for name in dropped]
    state = _maximise(moments)
    if state is None:
        raise flat
    zero = [name for name, variance in zip(kept, state.variances, strict=False) if variance == 0]
    warnings += [f"The variance of '{name}' was estimated as zero." for name in zero]
    return MixedFit(
        n=n,
        unit=unit,
        variances=dict(zip([*kept, "residual"], (scale**2 * state.variances).tolist(), strict=True)),
        log_likelihood=float(
            state.log_likelihood - (len(y) - x.shape[1]) * np.log(scale) - np.log(np.abs(np.diag(r))).sum()
        ),
        warnings=tuple(warnings),
        _layout=layout,
        _r=r,
        _scale=scale,
        _state=state,
    )


@dataclass(frozen=True, eq=False)
class MixedFit:
    """A fitted model. Tables are computed when asked for, with the standard errors and df of Kenward and Roger.

    Standard errors carry their small-sample adjustment, and a variance estimated as zero stays in the information
    matrix: the data could not rule it out.

    Attributes
    ----------
    n : dict[str, int]
        Numbers of rows, units, subunits and blocks.
    unit : str
        Column of the experimental unit.
    variances : dict[str, float]
        REML variance of each random intercept and "residual", in squared units of the value.
    log_likelihood : float
        Restricted log likelihood (the constant is that of lme4).
    warnings : tuple[str, ...]
        Components that were estimated as zero or left the model.

    Examples
    --------
    >>> from endomtor.stats import mixed_model
    >>> blood = pd.DataFrame({"animal": np.repeat(list("abcdef"), 3), "treatment": ["vehicle"] * 9 + ["rapamycin"] * 9,
    ...     "day": [3, 7, 14] * 6, "log2_plt": [8.1, 8.6, 9.0, 7.6, 8.2, 8.8, 8.3, 8.7, 9.3] + [7.9, 8.1, 8.3, 7.5, 7.8,
    ...     7.9, 8.2, 8.3, 8.6]})
    >>> model = mixed_model(blood, value="log2_plt", fixed=["treatment", "day"], unit="animal", categorical=["day"])
    >>> table = model.contrasts("treatment", by="day")
    >>> table[["contrast", "day", "estimate", "df", "p_holm"]].round(3)
                  contrast  day  estimate     df  p_holm
    0  rapamycin - vehicle    3    -0.133  4.326   0.623
    1  rapamycin - vehicle    7    -0.433  4.326   0.156
    2  rapamycin - vehicle   14    -0.767  4.326   0.035
    >>> model.anova()[["term", "numdf", "dendf", "F", "p"]].round(3)
                term  numdf  dendf        F      p
    0      treatment      1    4.0    3.226  0.147
    1            day      2    8.0  138.700  0.000
    2  treatment:day      2    8.0   27.100  0.000
    """

    n: dict[str, int]
    unit: str
    variances: dict[str, float]
    log_likelihood: float
    warnings: tuple[str, ...]
    _layout: "_Layout" = field(repr=False)
    _r: np.ndarray = field(repr=False)
    _scale: float = field(repr=False)
    _state: "_State" = field(repr=False)

    @property
    def singular(self) -> bool:
        """Whether a variance was estimated as zero."""
        return 0.0 in self.variances.values()

    def fixed_effects(self, level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients under treatment coding: term, estimate, SE, df, lower, upper, t, p."""
        names = self._layout.names()
        return self._tests({"term": names}, np.eye(len(names)), level)

    def anova(self) -> pd.DataFrame:
        """Return the type III tests: term, SS, MS, numdf, dendf, F, p (one row per term).

        Hypotheses are those of sum coding, as in lmerTest: main effects are averages over the levels of the other
        categories with equal weight. Where a number interacts with a category, the category's main effect is at zero of
        that number. MS is the Wald statistic per hypothesis (F before Kenward and Roger's scaling) times the residual
        variance, as in lmerTest. Where Kenward and Roger's moments fit no F (too few units), F, dendf and p are NaN.
        """
        to_sum_coding = self._layout.to_sum_coding()
        rows = []
        for name, place in self._layout.places().items():
            hypothesis = self._orthonormal(to_sum_coding[place])
            wald, f, dendf = self._inference.f_test(hypothesis)
            numdf = len(hypothesis)
            mean_square = wald * self.variances["residual"]
            rows.append(
                (name, mean_square * numdf, mean_square, numdf, dendf, f, float(special.fdtrc(numdf, dendf, f)))
            )
        return pd.DataFrame(rows, columns=["term", "SS", "MS", "numdf", "dendf", "F", "p"])

    def contrasts(
        self,
        of: str,
        *,
        by: str | None = None,
        at: Mapping[str, float] | None = None,
        adjust: str | None = "holm",
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Return all pairwise differences of the marginal means of the levels of `of`, within each level of `by`.

        Raises `ValueError`: `of` or `by` names no category of the model or both the same, `at` no number of it, or a
        value of `at` is not a finite number.

        Parameters
        ----------
        of, by : str
            Categories; other categories are averaged over with equal weight. The family of the correction is the
            comparisons within one level of `by`, as in emmeans.
        at : mapping, optional
            Value of a number at which to look, else its mean over the rows.
        adjust : {"holm", None}

        Returns
        -------
        DataFrame
            Columns contrast ("a - b", the earlier level first), `by`, estimate, SE, df, lower, upper (not widened for
            the family), t, p and, where asked for, p_holm.
        """
        at = dict(at or {})
        for name, value in at.items():
            self._check_number(name)
            if not (isinstance(value, Real) and np.isfinite(value)):
                raise ValueError(f"at gives {value!r} for '{name}', expected a finite number")
        return self._pairs(of, by, lambda cell: self._layout.average(at | cell), adjust, level)

    def slope_contrasts(
        self, of: str, *, between: str, by: str | None = None, adjust: str | None = "holm", level: float = 0.95
    ) -> pd.DataFrame:
        """Return all pairwise differences of the slope in `of` between the levels of `between`, as `contrasts` does."""
        self._check_number(of)

        def slope(cell: dict) -> np.ndarray:
            return self._layout.average(cell | {of: 1.0}) - self._layout.average(cell | {of: 0.0})

        return self._pairs(between, by, slope, adjust, level)

    def _pairs(
        self, of: str, by: str | None, row: Callable[[dict], np.ndarray], adjust: str | None, level: float
    ) -> pd.DataFrame:
        if adjust not in ("holm", None):
            raise ValueError(f"adjust is '{adjust}', expected 'holm' or None")
        if by == of:
            raise ValueError(f"the levels of '{of}' are compared within '{by}', expected another category")
        outer = [{by: one} for one in self._layout.levels_of(by)] if by else [{}]
        levels = self._layout.levels_of(of)
        pairs = list(itertools.combinations(levels, 2))
        rows = [{one: row(cell | {of: one}) for one in levels} for cell in outer]
        hypotheses = np.array([own[a] - own[b] for own in rows for a, b in pairs])
        names = {"contrast": [f"{_text(a)} - {_text(b)}" for a, b in pairs] * len(outer)}
        if by:
            names[by] = [cell[by] for cell in outer for _ in pairs]
        table = self._tests(names, hypotheses, level)
        if adjust:
            table["p_holm"] = np.concatenate([holm(p) for p in np.split(table["p"].to_numpy(), len(outer))])
        return table

    def _check_number(self, name: str) -> None:
        if name not in self._layout.numbers:
            found = "a category" if name in self._layout.levels else "not in the model"
            raise ValueError(
                f"'{name}' is not a number of the model but {found}, expected {_one_of(self._layout.numbers)}"
            )

    def _orthonormal(self, hypotheses: np.ndarray) -> np.ndarray:
        """Express hypotheses on the coefficients as hypotheses on those of the orthonormal design."""
        return linalg.solve_triangular(self._r, hypotheses.T, trans="T").T

    @cached_property
    def _inference(self) -> "_Inference":
        return _Inference(self._state)

    def _tests(self, names: Mapping[str, list], hypotheses: np.ndarray, level: float) -> pd.DataFrame:
        check_level(level)
        estimate, error, dof = self._inference.t_tests(self._orthonormal(hypotheses))
        estimate, error = self._scale * estimate, self._scale * error
        t = estimate / error
        width = special.stdtrit(dof, (1 + level) / 2) * error
        return pd.DataFrame(
            {
                **names,
                "estimate": estimate,
                "SE": error,
                "df": dof,
                "lower": estimate - width,
                "upper": estimate + width,
                "t": t,
                "p": 2 * special.stdtr(dof, -np.abs(t)),
            }
        )


# --- the layout of the fixed effects ---


@dataclass(frozen=True)
class _Layout:
    """Terms of the fixed effects; levels of the categories (the first is the reference), means of the numbers."""

    terms: tuple[tuple[str, ...], ...]
    levels: dict[str, list]
    numbers: dict[str, float]

    def levels_of(self, name: str) -> list:
        if name not in self.levels:
            found = "a number" if name in self.numbers else "not in the model"
            raise ValueError(f"'{name}' is not a category of the model but {found}, expected {_one_of(self.levels)}")
        return self.levels[name]

    def places(self) -> dict[str, slice]:
        """Return the columns of each term but the intercept, which is column 0."""
        places, start = {}, 1
        for term in self.terms:
            width = int(np.prod([len(self.levels[name]) - 1 if name in self.levels else 1 for name in term]))
            places[":".join(term)] = slice(start, start + width)
            start += width
        return places

    def names(self) -> list[str]:
        names = ["(Intercept)"]
        for term in self.terms:
            parts = [
                [f"{name}[{_text(level)}]" for level in self.levels[name][1:]] if name in self.levels else [name]
                for name in term
            ]
            names += [":".join(combination) for combination in itertools.product(*parts)]
        return names

    def design(self, columns: Mapping[str, np.ndarray], *, sum_coding: bool = False) -> np.ndarray:
        """Return the design, n x p, under treatment coding (else sum coding).

        `columns` holds n numbers each: the number itself, of a category the place among its levels.
        """
        parts = {}
        for name, values in columns.items():
            if name in self.numbers:
                parts[name] = np.asarray(values, float)[:, None]
                continue
            found = np.eye(len(self.levels[name]))[np.asarray(values, int)]
            parts[name] = found[:, :-1] - found[:, -1:] if sum_coding else found[:, 1:]
        n = len(next(iter(columns.values())))
        return np.hstack([np.ones((n, 1)), *(_products([parts[name] for name in term]) for term in self.terms)])

    def to_sum_coding(self) -> np.ndarray:
        """Return the matrix, p x p, that takes coefficients under treatment coding to those under sum coding."""
        grid = self._grid(
            {name: range(len(levels)) for name, levels in self.levels.items()}
            | {name: (0.0, 1.0) for name in self.numbers}
        )
        return np.linalg.lstsq(self.design(grid, sum_coding=True), self.design(grid), rcond=None)[0]

    def average(self, fixed: Mapping) -> np.ndarray:
        """Return the row of the design at `fixed`, averaged over other categories and at the mean of other numbers."""
        # Over a grid of all levels the mean of a product is the product of the means.
        parts = {name: np.array([[fixed.get(name, mean)]], float) for name, mean in self.numbers.items()}
        for name, levels in self.levels.items():
            weights = (
                np.eye(len(levels))[levels.index(fixed[name])] if name in fixed else np.ones(len(levels)) / len(levels)
            )
            parts[name] = weights[None, 1:]
        return np.hstack([np.ones((1, 1)), *(_products([parts[name] for name in term]) for term in self.terms)])[0]

    @staticmethod
    def _grid(values: Mapping[str, Sequence]) -> dict[str, np.ndarray]:
        return dict(zip(values, np.array(list(itertools.product(*values.values()))).T, strict=True))


def _products(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the products of the columns of several matrices of n rows, the last matrix varying fastest."""
    product, *others = parts
    for other in others:
        product = (product[:, :, None] * other[:, None, :]).reshape(len(product), -1)
    return product


@dataclass(frozen=True)
class _Coded:
    """A column as places (`codes`) among its distinct values (`found`), numbered as they appear."""

    codes: np.ndarray
    found: list

    @classmethod
    def of(cls, column: pd.Series, used: np.ndarray) -> "_Coded":
        codes, found = pd.factorize(column.to_numpy()[used], use_na_sentinel=False)
        return cls(codes, list(found))

    def text(self) -> "_Coded":
        """Return the column as text without outer spaces, every blank being one level (`units.block_levels`)."""
        codes, found = pd.factorize(np.array(["" if _blank(one) else str(one).strip() for one in self.found], object))
        return _Coded(codes[self.codes], list(found))

    def blanks(self) -> int:
        """Return the number of rows that are blank."""
        # `units.is_blank` asks every row through pandas' strings, which costs as much as the fit.
        blank = [place for place, one in enumerate(self.found) if _blank(one)]
        return int(np.isin(self.codes, blank).sum()) if blank else 0


def _blank(one: object) -> bool:
    return bool(pd.isna(one)) or (isinstance(one, str) and not one.strip())


def _column(layout: _Layout, name: str, coded: _Coded) -> np.ndarray:
    """Return a column as `_Layout.design` takes it."""
    values = coded.found if name in layout.numbers else [layout.levels[name].index(one) for one in coded.found]
    return np.array(values, float)[coded.codes]


def _layout(
    frame: pd.DataFrame,
    coded: Mapping[str, _Coded],
    fixed: Sequence[str],
    interaction: bool,
    covariates: Sequence[str],
    categorical: Sequence[str],
    levels: Mapping,
) -> _Layout:
    """Find out which fixed effects are categories and which numbers, and list the terms."""
    found, means = {}, {}
    for name in (*fixed, *covariates):
        column = coded[name]
        if blanks := column.blanks():
            raise EndomtorError(
                f"The column '{name}' is blank in {blanks} of {len(column.codes)} rows, expected a level or a number "
                "in each."
            )
        dtype = frame[name].dtype
        # A truth value is a category, as in R: at its "zero" there may be no unit.
        number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        if name in covariates and not number:
            raise ValueError(f"the covariate '{name}' is {dtype}, expected numbers")
        if number and name not in categorical and name not in levels:
            values = np.array(column.found, float)
            if not np.isfinite(values).all():
                raise EndomtorError(f"The column '{name}' holds infinite values, expected finite ones.")
            means[name] = float(np.mean(values[column.codes]))
            continue
        present = set(column.found)
        if name in levels:
            order = list(levels[name])
        elif isinstance(dtype, pd.CategoricalDtype):
            order = list(dtype.categories)
        else:
            order = _sorted(name, present)
        if undeclared := sorted(present - set(order), key=str):
            raise EndomtorError(f"The column '{name}' holds '{undeclared[0]}', expected one of {order}.")
        found[name] = [level for level in order if level in present]
        if len(found[name]) < 2:
            raise EndomtorError(f"The column '{name}' has one level, expected two or more to compare.")
    largest = len(fixed) if interaction else 1
    terms = [term for size in range(1, largest + 1) for term in itertools.combinations(fixed, size)]
    return _Layout((*terms, *((name,) for name in covariates)), found, means)


def _sorted(name: str, present: Collection) -> list:
    try:
        return sorted(present)
    except TypeError:
        kinds = " and ".join(sorted({type(one).__name__ for one in present}))
        raise EndomtorError(
            f"The column '{name}' mixes {kinds}, expected levels of one type, or their order in `levels`."
        ) from None


def _one_of(names: Collection[str]) -> str:
    return f"one of {', '.join(sorted(names))}" if names else "none, for the model has none"


def _text(level: object) -> str:
    return f"{level:g}" if isinstance(level, (int, float, np.number)) else str(level)


# --- what is refused ---


def _check_units(
    frame: pd.DataFrame, used: np.ndarray, coded: Mapping[str, _Coded], fixed: Sequence[str], ids: Sequence[str]
) -> None:
    unit, finest, rows = ids[0], ids[-1], int(used.sum())
    for column in ids:
        if blanks := coded[column].blanks():
            raise UnitError(f"The column '{column}' is blank in {blanks} of {rows} rows, expected an id in each.")
    if finest != unit:
        subunits = coded[finest]
        values = _values_within(subunits, coded[unit])
        if values.max() > 1:
            example = int(np.argmax(values > 1))
            raise UnitError(
                f"The {finest} '{subunits.found[example]}' has {values[example]} values of '{unit}', expected one: "
                f"give each {finest} an id of its own."
            )
    varying = [name for name in fixed if _values_within(coded[finest], coded[name]).max() > 1]
    if varying:
        keys = _joint([coded[name] for name in (finest, *varying)])
        _, first, counts = np.unique(keys, return_index=True, return_counts=True)
        doubled = first[counts > 1]
    else:
        doubled = np.flatnonzero(frame[used].duplicated(keep=False).to_numpy())
    if len(doubled):
        row = doubled.min()
        key = ", ".join(f"{name} {coded[name].found[coded[name].codes[row]]}" for name in [finest, *varying])
        raise UnitError(f"A row is doubled ({key}), expected one row per {' and '.join([finest, *varying])}.")
    if len(coded[unit].found) == rows:
        raise UnitError(
            f"Each '{unit}' has one row, so there is nothing within units to model "
            "(endomtor.stats.difference compares such units)."
        )


def _joint(columns: Sequence[_Coded]) -> np.ndarray:
    """Return one integer for each row that stands for its values in all columns."""
    return np.ravel_multi_index([one.codes for one in columns], [len(one.found) for one in columns])


def _values_within(outer: _Coded, inner: _Coded) -> np.ndarray:
    """Return how many values of `inner` each value of `outer` has."""
    pairs = np.unique(_joint([outer, inner]))
    return np.bincount(pairs // len(inner.found), minlength=len(outer.found))


def _orthogonal(x: np.ndarray, fixed: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the QR decomposition of the design, or refuse one with dependent columns."""
    if x.shape[0] <= x.shape[1]:
        raise EndomtorError(f"{x.shape[0]} rows are too few for {x.shape[1]} fixed effects.")
    norms = np.linalg.norm(x, axis=0)
    if norms.all():
        q, r = np.linalg.qr(x / norms)
        # What is left of a column once the earlier ones are taken off.
        if np.abs(np.diag(r)).min() > 1e-8:
            return q, r * norms
    raise EndomtorError(
        f"The fixed effects {', '.join(fixed)} cannot be told apart: a combination of their levels has no rows, "
        "or one follows from another (leave it out, or fit without the interaction)."
    )


def _indicator(codes: np.ndarray) -> np.ndarray:
    return np.eye(int(codes.max()) + 1)[codes]


# --- REML ---


@dataclass(frozen=True)
class _Moments:
    """Cross products of the random effects' columns Z, the orthonormal fixed effects X and the values y.

    `r` is what X leaves of y. `zmz` is Z'Z with X taken off Z; `starts` are the first columns of each component.
    """

    zz: np.ndarray
    zx: np.ndarray
    zmz: np.ndarray
    zr: np.ndarray
    xy: np.ndarray
    rr: float
    n: int
    starts: np.ndarray

    @classmethod
    def of(cls, indicators: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray) -> "_Moments":
        z = np.hstack(indicators)
        zx = z.T @ x
        r = y
        for _ in range(2):
            # Once more, for what rounding left of a large mean.
            r = r - x @ (x.T @ r)
        off = z - x @ zx.T
        starts = np.cumsum([0, *(one.shape[1] for one in indicators[:-1])])
        return cls(z.T @ z, zx, off.T @ off, off.T @ r, x.T @ y, float(r @ r), len(y), starts)

    def of_components(self, kept: Sequence[int]) -> "_Moments":
        """Return the moments of some of the components."""
        if len(kept) == len(self.starts):
            return self
        place = np.concatenate([np.arange(len(self.zz))[self.block(i)] for i in kept])
        square = np.ix_(place, place)
        starts = np.cumsum([0, *(self.sizes[i] for i in kept[:-1])])
        return replace(
            self, zz=self.zz[square], zx=self.zx[place], zmz=self.zmz[square], zr=self.zr[place], starts=starts
        )

    @cached_property
    def sizes(self) -> np.ndarray:
        return np.diff([*self.starts, len(self.zz)])

    def block(self, i: int) -> slice:
        return slice(self.starts[i], self.starts[i] + self.sizes[i])

    def sums(self, table: np.ndarray) -> np.ndarray:
        """Add up a vector or a square table of columns by component."""
        for axis in range(table.ndim):
            table = np.add.reduceat(table, self.starts, axis=axis)
        return table

    def spread(self, variances: np.ndarray) -> np.ndarray:
        """Return the variance of each column over the residual one."""
        return np.repeat(variances[:-1], self.sizes) / variances[-1]


def _identifiable(m: _Moments, names: Sequence[str], unit: str) -> list[str]:
    """Return the random effects whose covariance, seen through the fixed effects, no earlier component gives as well.

    With M the projection off the fixed effects, components are matrices M G M with the trace as inner product; one that
    depends on earlier ones (first of all the residual) has no variance of its own to estimate.
    """
    of_residual, whole = m.sums(np.diag(m.zmz)), m.sums(m.zz**2)
    gram = np.block([[m.n - m.zx.shape[1], of_residual], [of_residual[:, None], m.sums(m.zmz**2)]])
    kept = [0]
    for i, name in enumerate(names, 1):
        cross = gram[kept, i]
        rest = gram[i, i] - cross @ np.linalg.solve(gram[np.ix_(kept, kept)], cross)
        # Relative to the component before the fixed effects: what they absorb to rounding is absorbed.
        if rest > 1e-9 * whole[i - 1, i - 1]:
            kept.append(i)
        elif name == unit:
            raise UnitError(
                f"The fixed effects leave nothing to judge '{unit}' by, expected several units with the same "
                "fixed effects."
            )
    return [names[i - 1] for i in kept[1:]]


@dataclass(frozen=True)
class _State:
    """REML at given variances s (random intercepts, then the residual).

    With V = sum of s_i G_i, G_i = Z_i Z_i' and G = I for the residual, P = V^-1 - V^-1 X C X' V^-1:
    `expected` is tr(P G_i P G_j) / 2, `observed` minus the Hessian, `c` the covariance C of the coefficients `b`,
    `z_p_z` is Z' P Z, `first` the k + 1 matrices X' V^-1 G_i V^-1 X, and `second` the k x k matrices
    X' V^-1 G_i P G_j V^-1 X of the random G alone, since P V V^-1 X = 0 gives those of the residual.
    """

    variances: np.ndarray
    log_likelihood: float
    gradient: np.ndarray
    expected: np.ndarray
    observed: np.ndarray
    z_p_z: np.ndarray
    moments: _Moments

    @cached_property
    def _solved(self) -> tuple[np.ndarray, np.ndarray]:
        """Z' V^-1 B = (I + Z'Z D)^-1 Z'B / s_e for B = X and r."""
        m = self.moments
        matrix = np.eye(len(m.zz)) + m.zz * m.spread(self.variances)
        solved = np.linalg.solve(matrix, np.column_stack([m.zx, m.zr])) / self.variances[-1]
        return solved[:, :-1], solved[:, -1]

    @cached_property
    def information(self) -> np.ndarray:
        m = self.moments
        information = np.eye(len(m.xy)) / self.variances[-1]
        information -= (m.zx.T * m.spread(self.variances)) @ self._solved[0]
        return (information + information.T) / 2

    @cached_property
    def c(self) -> np.ndarray:
        return np.linalg.inv(self.information)

    @cached_property
    def b(self) -> np.ndarray:
        # X has nothing in common with r, so that X' V^-1 r has the part of the random effects alone.
        m = self.moments
        return m.xy - self.c @ ((m.zx.T * m.spread(self.variances)) @ self._solved[1])

    @cached_property
    def first(self) -> np.ndarray:
        m, s_zx = self.moments, self._solved[0]
        random = [s_zx[m.block(i)].T @ s_zx[m.block(i)] for i in range(len(m.starts))]
        return np.tensordot(_with_residual(self.variances), [*random, self.information], 1)

    @cached_property
    def second(self) -> np.ndarray:
        m, s_zx = self.moments, self._solved[0]
        k, p = len(m.starts), len(m.xy)
        second = np.empty((k, k, p, p))
        for i, j in itertools.combinations_with_replacement(range(k), 2):
            second[i, j] = s_zx[m.block(i)].T @ self.z_p_z[m.block(i), m.block(j)] @ s_zx[m.block(j)]
            second[j, i] = second[i, j].T
        return second


def _with_residual(variances: np.ndarray) -> np.ndarray:
    """Return the matrix that takes forms in (each random G_i, V) to forms in (each random G_i, the residual's G = I).

    V is the sum of s_i G_i, and forms in which a V stands between two V^-1 need nothing new.
    """
    change = np.eye(len(variances))
    change[-1] = [*(-variances[:-1] / variances[-1]), 1 / variances[-1]]
    return change


def _state(m: _Moments, variances: np.ndarray) -> _State:
    """Evaluate the restricted likelihood and its derivatives from cross products alone.

    Z' P B = (I + Z'MZ D)^-1 Z'M B / s_e for any B, where D holds s_i / s_e and M takes off the fixed effects; traces
    and forms that involve the residual follow from P V P = P.
    """
    df, residual = m.n - len(m.xy), variances[-1]
    d = m.spread(variances)
    factor, _, solved, _ = linalg.lapack.dgesv(np.eye(len(d)) + m.zmz * d, np.column_stack([m.zmz, m.zr]))
    z_p_z, z_p_y = solved[:, :-1] / residual, solved[:, -1] / residual
    y_p_y = (m.rr - (m.zr * d) @ solved[:, -1]) / residual
    logdet = np.log(np.abs(np.diag(factor))).sum() + df * np.log(residual)

    change = _with_residual(variances)
    traces, trace2 = _forms(change, m.sums(z_p_z * z_p_z.T), m.sums(np.diag(z_p_z)), df)
    squares, form2 = _forms(change, m.sums(z_p_y[:, None] * z_p_z * z_p_y), m.sums(z_p_y**2), y_p_y)
    return _State(
        variances=variances,
        log_likelihood=float(-(logdet + y_p_y + df * np.log(2 * np.pi)) / 2),
        gradient=(squares - traces) / 2,
        expected=trace2 / 2,
        observed=form2 - trace2 / 2,
        z_p_z=z_p_z,
        moments=m,
    )


def _forms(change: np.ndarray, double: np.ndarray, single: np.ndarray, whole: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the forms in one G and in two, the residual's included; P V P = P reduces those in V."""
    forms = np.empty((len(change), len(change)))
    forms[:-1, :-1], forms[-1, -1] = double, whole
    forms[:-1, -1] = forms[-1, :-1] = single
    return change @ forms[:, -1], change @ forms @ change.T


def _maximise(m: _Moments) -> _State | None:
    """Maximise the restricted likelihood over variances >= 0 by projected Newton (else Fisher) steps.

    None where the residual variance has no positive maximum.
    """
    k = len(m.starts)
    state = _state(m, np.full(k + 1, 1 / (k + 1)))
    for _ in range(LARGEST_STEPS):
        step, gain = _step(state)
        state, before = _line_search(m, state, step), state
        # Where units explain everything, what tells of the residual is lost in rounding before its variance is zero.
        if state.variances[-1] < NO_RESIDUAL or state.expected[-1, -1] <= 0:
            return None
        # A step that changes the likelihood by no more than rounding is the last as well.
        if gain < SETTLED or state.log_likelihood <= before.log_likelihood + _rounding(before):
            return state
    raise EndomtorError(f"The variances of the mixed model did not settle in {LARGEST_STEPS} steps.")


def _step(state: _State) -> tuple[np.ndarray, float]:
    """Return the ascent step and what it promises, over the variances that are free: above zero or pulled up."""
    least = state.variances <= NEGLIGIBLE * state.variances[-1]
    free = ~least | (state.gradient > 0)
    size = np.sqrt(np.diag(state.expected))
    observed, expected = (matrix / np.outer(size, size) for matrix in (state.observed, state.expected))
    while True:
        step = np.where(free, 0.0, -state.variances)
        place = np.flatnonzero(free)
        square = np.ix_(place, place)
        matrix = observed[square] if np.linalg.eigvalsh(observed[square])[0] > 1e-3 else expected[square]
        step[place] = np.linalg.solve(matrix, state.gradient[place] / size[place]) / size[place]
        outward = free & least & (step < 0)
        if not outward.any():
            return step, float(state.gradient @ step)
        free &= ~outward


def _line_search(m: _Moments, state: _State, step: np.ndarray) -> _State:
    for halvings in range(40):
        variances = np.maximum(state.variances + step / 2**halvings, 0)
        # The residual variance is positive; a step may take nine tenths of it.
        variances[-1] = max(variances[-1], state.variances[-1] / 10)
        tried = _state(m, variances)
        if tried.log_likelihood > state.log_likelihood - _rounding(state):
            return tried
    return state


def _rounding(state: _State) -> float:
    return 1e-12 * (1 + abs(state.log_likelihood))


# --- small-sample inference ---


@dataclass(frozen=True)
class _Inference:
    """Kenward and Roger's: all variances, those at zero included, with their expected information.

    C has no second-order term.
    """

    state: _State

    @cached_property
    def components(self) -> np.ndarray:
        """The covariance of the estimated variances, by the (generalised) inverse of their expected information."""
        information = self.state.expected
        size = np.sqrt(np.diag(information))
        return np.linalg.pinv(information / np.outer(size, size), rcond=1e-10, hermitian=True) / np.outer(size, size)

    @cached_property
    def adjusted(self) -> np.ndarray:
        """The covariance of the coefficients that goes into standard errors."""
        state = self.state
        change = _with_residual(state.variances)[:, :-1]
        inner = np.tensordot(change.T @ self.components @ change, state.second, 2)
        adjusted = state.c + 2 * state.c @ inner @ state.c
        return (adjusted + adjusted.T) / 2

    @cached_property
    def change(self) -> np.ndarray:
        """The derivatives of C by each variance, with the sign of X' V^-1 G V^-1 X."""
        return self.state.c @ self.state.first @ self.state.c

    def t_tests(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return estimate, SE and df of each row of hypotheses: 2 v^2 / Var(v), v being its variance.

        This is what Kenward and Roger's moments give with one hypothesis, v being unadjusted. NaN where the estimated
        variance of v is not positive.
        """
        variance = np.einsum("ij,ij->i", rows @ self.state.c, rows)
        gradient = np.einsum("cij,ij->ic", rows @ self.change, rows)
        spread = np.einsum("ij,ij->i", gradient @ self.components, gradient)
        error = np.sqrt(np.einsum("ij,ij->i", rows @ self.adjusted, rows))
        df = np.divide(2 * variance**2, spread, out=np.full(len(rows), np.nan), where=spread > 0)
        return rows @ self.state.b, error, df

    def f_test(self, rows: np.ndarray) -> tuple[float, float, float]:
        """Return the Wald statistic per row, F and the denominator df of the joint test of all rows.

        Two moments of the Wald statistic are matched to those of a scaled F (Kenward & Roger 1997, section 3).
        """
        q = len(rows)
        theta = rows.T @ np.linalg.solve(rows @ self.state.c @ rows.T, rows)
        moved = theta @ self.change
        traces = np.trace(moved, axis1=1, axis2=2)
        a1 = traces @ self.components @ traces
        a2 = np.sum(self.components * np.einsum("cij,dji->cd", moved, moved))
        estimate = rows @ self.state.b
        wald = estimate @ np.linalg.solve(rows @ self.adjusted @ rows.T, estimate) / q
        if q == 1:
            return float(wald), float(wald), float(2 / a2)
        spread = (a1 + 6 * a2) / (2 * q)
        g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
        c1, c2, c3 = np.array([g, q - g, q + 2 - g]) / (3 * q + 2 * (1 - g))
        v0, v1, v2, shrink = 1 + c1 * spread, 1 - c2 * spread, 1 - c3 * spread, 1 - a2 / q
        # In balanced designs these vanish at 2 and at 4 degrees of freedom; the limits are those of pbkrtest.
        v0 = 0.0 if abs(v0) < 1e-10 else v0
        ratio = 1.0 if max(abs(shrink), abs(v1)) < 1e-10 else shrink / v1
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = ratio**2 * v0 / (q * v2)
            df = 4 + (q + 2) / (q * rho - 1)
        if not df > 0:
            return float(wald), np.nan, np.nan
        scale = 1.0 if abs(df - 2) < 1e-2 else df * shrink / (df - 2)
        return float(wald), float(scale * wald), float(df)
