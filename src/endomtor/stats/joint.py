"""Whether several endpoints share one phi: a joint test over endpoints that the same or other animals carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.optimize.elementwise import find_minimum

from endomtor.errors import EndomtorError, UnitError
from endomtor.stats import linear
from endomtor.stats.resemblance import GROUPS, NoAgingReference, contrasts_of_phi, phi
from endomtor.stats.units import block_names, columns, one_row_per_unit, power_of_two, usable_blocks

AGING_ALPHA = {"greater": 0.025, "less": 0.025, "either": 0.05}
"""An endpoint with a larger p of its aging contrast is left out: one-sided where a direction is declared."""

METHOD = (
    "joint test of one phi: min over phi of (N - phi D)' V(phi)^-1 (N - phi D), group-specific variances, correlations "
    "of endpoints within groups shrunk towards 0 (Schäfer-Strimmer), parametric bootstrap"
)

# The smallest eigenvalue a correlation matrix may have; with gaps in the data the pairwise one may even be negative.
_FLOOR = 0.01
_CHUNK = 500
_ANGLES = np.linspace(-np.pi / 2, np.pi / 2, 33)[:-1]
_FINE = np.linspace(-np.pi / 2, np.pi / 2, 513)[:-1]
_TOLERANCES = {"xatol": 1e-9, "xrtol": 1e-9, "fatol": 1e-12, "frtol": 1e-12}


@dataclass(frozen=True)
class JointTable:
    """Endpoints of one table of the contract.

    Attributes
    ----------
    frame : DataFrame
        One row per unit and endpoint, the value on the scale of analysis. Units may lack endpoints.
    unit : str
        Column of the experimental unit.
    block : str, sequence of str or None
        Columns of additive blocks (batch, sex); as in `endomtor.stats.phi` one leaves the model of an endpoint where it
        is constant, blank or different in every unit.
    value, group, endpoint : str
        Columns.
    """

    frame: pd.DataFrame
    unit: str
    block: str | Sequence[str] | None = None
    value: str = "value"
    group: str = "group"
    endpoint: str = "id"


@dataclass(frozen=True)
class JointPhi:
    """The answer of `joint_phi`.

    Attributes
    ----------
    phi : float
        The common phi: where the statistic is smallest.
    ci_low, ci_high : float
        Limits of its `level` confidence set, given that there is one phi; infinite where the set has no bound.
    statistic : float
        Distance of the endpoints from a common phi, the minimum itself.
    df : int
        Endpoints - 1: what a chi-square would have if V were known. For information; `p` does not use it.
    p : float
        Bootstrap p of "all endpoints have one phi", (1 + larger or equal) / (replicates + 1).
    endpoints : tuple[str, ...]
        Those used, by table and name.
    left_out : dict[str, str]
        Endpoint to the reason why it is not used, a sentence.
    residuals : dict[str, float]
        Endpoint to (N - phi D) / SE at the common phi: which one pulls away, and to which side.
    n : dict[str, dict[str, int]]
        Table to units per group that carry a used endpoint.
    unit : dict[str, str]
        Table to its unit.
    level : float
    bootstrap : int
        Replicates.
    method : str
    warnings : tuple[str, ...]
    withheld : str
        Why there is no p (a sentence), empty otherwise.
    """

    phi: float
    ci_low: float
    ci_high: float
    statistic: float
    df: int
    p: float
    endpoints: tuple[str, ...]
    left_out: dict[str, str]
    residuals: dict[str, float]
    n: dict[str, dict[str, int]]
    unit: dict[str, str]
    level: float
    bootstrap: int
    method: str
    warnings: tuple[str, ...]
    withheld: str = ""


def joint_phi(
    tables: Mapping[str, JointTable],
    *,
    direction: Mapping[str, str],
    level: float = 0.95,
    bootstrap: int = 2000,
    seed: int = 1,
) -> JointPhi:
    """Test whether all endpoints with an aging effect have one phi, and estimate it.

    With N = ecko - control and D = aged - young of each endpoint, the statistic is the minimum over phi of
    (N - phi D)' V(phi)^-1 (N - phi D). V is the covariance of N - phi D over animals: endpoints of the same units are
    correlated, tables without common units are independent. Without `control` the young units serve both contrasts
    and enter V as such.

    Each endpoint keeps a variance in each group, with a block or without. Correlations between
    endpoints are those of the residuals, standardised within groups and pooled over them, each from the units that have
    both endpoints; they are shrunk towards 0 with Schäfer and Strimmer's intensity, and further where the smallest
    eigenvalue would stay below 0.01. Contrasts use every unit with a value, and the overlap of units enters V, which is
    then positive definite whatever is missing (a Hadamard product of two such matrices).

    The null distribution is a parametric bootstrap: units are drawn from normal distributions with the fitted variances
    and correlations (before Schäfer and Strimmer's shrinkage, which would otherwise act twice), and with the contrasts
    (N, D) that are most likely if there is one phi; the pattern of missing values stays; everything, shrinkage
    included, is estimated again in each replicate. So p allows for small groups and for the shrinkage. The confidence
    set holds each phi at which the distance exceeds its minimum by no more than the `level` quantile of that excess at
    the true phi in the same replicates: it does not presuppose that phi-hat is nearly normal, and with one endpoint it
    is a Fieller set.

    Which endpoints are left out is taken as given in the replicates. Where aging effects are hardly seen, those that
    pass are overestimated, which draws the common phi towards 0 (in simulations with an aging effect of 1.2 SD and 8
    units a group from 0.75 to about 0.63) and makes the test cautious.

    Parameters
    ----------
    tables : mapping of table name to `JointTable`
        Tables with common units (same id and group) are taken as one experiment, with a warning. Rows of other groups
        are ignored.
    direction : mapping of endpoint to {"greater", "less", "either"}
        Declared direction of aging. An endpoint whose aging contrast has p above 0.025 (one-sided; "either": two-sided
        0.05), or whose `endomtor.stats.phi` is withheld, is left out.
    level : float
        Coverage of the confidence set.
    bootstrap : int
        Replicates, at least 99.
    seed : int
        The same seed gives the same p, whatever the order of rows and tables.

    Returns
    -------
    JointPhi
        `withheld` where fewer than two endpoints are usable; with one, phi and its set are still given.

    Raises
    ------
    UnitError
        A unit is blank, occurs in several rows of one endpoint or in several groups of one table, or its column is
        missing.
    EndomtorError
        An endpoint without a declared direction or in two tables, an infinite value, or a wrong option.
    ValueError
        Another column is missing, or a value is text.

    References
    ----------
    Schäfer J, Strimmer K (2005) Stat Appl Genet Mol Biol 4:32, doi 10.2202/1544-6115.1175 (shrinkage, target D);
    Fieller EC (1954) J R Stat Soc B 16:175-185; Davison AC, Hinkley DV (1997) Bootstrap Methods and their
    Application, ch. 4 (parametric bootstrap test). Own code: no maintained package tests a common ratio of contrasts.

    Examples
    --------
    >>> values = {"lt_hsc": [2.1, 2.4, 1.8, 2.2, 4.0, 4.4, 3.7, 4.2, 2.5, 2.2, 2.7, 2.4],
    ...     "mtor": [10.1, 10.4, 9.9, 10.2, 9.1, 9.3, 8.8, 9.2, 9.3, 8.9, 9.2, 9.0]}
    >>> group = ["young"] * 4 + ["aged"] * 4 + ["ecko"] * 4
    >>> mice = pd.DataFrame({"animal": list("abcdefghijkl"), "group": group, **values})
    >>> long = mice.melt(["animal", "group"], var_name="id")
    >>> answer = joint_phi({"marrow": JointTable(long, unit="animal")}, direction={"lt_hsc": "greater", "mtor": "less"},
    ...     bootstrap=199)

    lt_hsc has moved little, mtor as far as age moves it. At the common phi both should lie higher:

    >>> print(f"{answer.phi:.2f}, p {answer.p:.3f}")
    0.49, p 0.015
    >>> {name: round(one, 1) for name, one in answer.residuals.items()}
    {'lt_hsc': -4.4, 'mtor': -4.5}
    """
    if not 0.5 <= level < 1:
        raise EndomtorError(f"level is {level}, expected at least 0.5 and below 1.")
    if bootstrap < 99:
        raise EndomtorError(f"bootstrap is {bootstrap}, expected at least 99 replicates.")
    warnings: list[str] = []
    left_out: dict[str, str] = {}
    used: dict[str, dict[str, pd.DataFrame]] = {}
    owner: dict[str, str] = {}
    for name, table in sorted(tables.items()):
        for endpoint, rows in _endpoints(name, table):
            if endpoint in owner:
                raise EndomtorError(
                    f"Endpoint {endpoint!r} is in {owner[endpoint]} and in {name}, expected in one table."
                )
            if endpoint not in direction:
                raise EndomtorError(f"Endpoint {endpoint!r} of {name} has no declared direction of aging.")
            owner[endpoint] = name
            reason = _unusable(rows, table, direction[endpoint])
            if reason:
                left_out[endpoint] = reason
            else:
                used.setdefault(name, {})[endpoint] = rows
    experiments = []
    for names in _connected(used, tables):
        if len(names) > 1:
            warnings.append(f"{' and '.join(names)} have units in common and are taken as one experiment")
        columns = [(endpoint, rows, tables[name]) for name in names for endpoint, rows in used[name].items()]
        experiment, values, flat = _experiment(columns)
        left_out |= dict.fromkeys(flat, "The groups have no spread in it: nothing to weigh it by.")
        if experiment is not None:
            experiments.append((experiment, values))
    endpoints = tuple(name for experiment, _ in experiments for name in experiment.endpoints)
    kept = {name: {e: rows for e, rows in own.items() if e in endpoints} for name, own in used.items()}
    kept = {name: own for name, own in kept.items() if own}
    n = {name: _n(own.values(), tables[name]) for name, own in kept.items()}
    if any("control" not in groups for groups in n.values()):
        shared = [name for name, groups in n.items() if "control" not in groups]
        warnings.append(f"young stands in for control in {' and '.join(shared)}: their covariance is used")
    lacking = [name for name, own in kept.items() if len({frozenset(r[tables[name].unit]) for r in own.values()}) > 1]
    if lacking:
        warnings.append(f"some units of {' and '.join(lacking)} lack endpoints: each contrast uses those that have it")
    withheld = ""
    if len(endpoints) < 2:
        withheld = (
            f"{'No' if not endpoints else 'Only one'} endpoint has an aging effect and can be used, "
            "expected at least two to ask whether they share one phi."
        )
    common = {
        "df": max(0, len(endpoints) - 1),
        "endpoints": endpoints,
        "left_out": dict(sorted(left_out.items())),
        "n": n,
        "unit": {name: tables[name].unit for name in n},
        "level": level,
        "bootstrap": bootstrap,
        "method": METHOD,
        "withheld": withheld,
    }
    nan = float("nan")
    if not endpoints:
        return JointPhi(nan, -np.inf, np.inf, nan, p=nan, residuals={}, warnings=tuple(warnings), **common)

    fits = [experiment.fit(values[:, None]) for experiment, values in experiments]
    distance = _Distance(fits)
    angle, smallest = distance.minimum()
    distances, excesses = _bootstrap(experiments, fits, distance, angle[0], bootstrap, seed)
    p = float((1 + np.sum(distances >= smallest[0])) / (bootstrap + 1)) if not withheld else nan
    place = min(bootstrap, int(np.ceil(level * (bootstrap + 1)))) - 1
    low, high = distance.limits(angle[0], smallest[0] + np.sort(excesses)[place])
    if np.isinf(low):
        warnings.append("the confidence set of the common phi is not bounded")
    if p < 1 - level:
        warnings.append("the endpoints do not share one phi: the common phi and its interval describe none of them")
    w, v = distance.at(angle[:, None], np.zeros(1, int))
    residuals = np.concatenate(
        [(own / np.sqrt(np.diagonal(v_own, axis1=-2, axis2=-1)))[0, 0] for own, v_own in zip(w, v, strict=True)]
    )
    return JointPhi(
        phi=float(distance.scale * np.tan(angle[0])),
        ci_low=low,
        ci_high=high,
        statistic=float(smallest[0]) if len(endpoints) > 1 else 0.0,
        p=p,
        residuals=dict(zip(endpoints, (float(one) for one in residuals), strict=True)),
        warnings=tuple(warnings),
        **common,
    )


def _endpoints(name: str, table: JointTable):
    """Endpoint and its rows with a value in the four groups, by name; refuses units in several groups or rows."""
    columns(table.frame, table.value, table.group, table.endpoint, *block_names(table.block), unit=table.unit)
    frame = table.frame[table.frame[table.group].isin(GROUPS)]
    groups = frame.groupby(table.unit, observed=True)[table.group].nunique()
    if (groups > 1).any():
        raise UnitError(
            f"The {table.unit} {groups.idxmax()!r} of {name} is in {groups.max()} groups, expected each unit in one."
        )
    for endpoint, rows in frame.groupby(table.endpoint, sort=True, observed=True):
        one_row_per_unit(rows, table.unit, design="joint test of one phi")
        yield endpoint, rows[rows[table.value].notna()]


def _unusable(rows: pd.DataFrame, table: JointTable, direction: str) -> str:
    """Why an endpoint cannot take part, or nothing."""
    if "ecko" not in set(rows[table.group]):
        return "It has no ecko units."
    kwargs = {"value": table.value, "group": table.group, "unit": table.unit, "block": table.block}
    try:
        alone = phi(rows, direction=direction, **kwargs)
    except NoAgingReference as missing:
        return str(missing)
    if alone.withheld:
        return alone.withheld
    if not alone.aging_p <= AGING_ALPHA[direction]:
        sided = "two-sided" if direction == "either" else f"one-sided, declared {direction}"
        return f"No aging effect seen (p = {alone.aging_p:.2g}, {sided})."
    return ""


def _keys(rows: pd.DataFrame, table: JointTable) -> list[tuple[str, str]]:
    """Unit and group of each row; where tables use one id for two animals, their group mostly tells them apart."""
    return list(zip(rows[table.unit].astype(str), rows[table.group].astype(str), strict=True))


def _connected(used: Mapping[str, dict], tables: Mapping[str, JointTable]) -> list[list[str]]:
    """Names of tables, put together where they have units in common."""
    parts: list[tuple[list[str], set]] = []
    for name, own in used.items():
        names, keys = [name], {key for rows in own.values() for key in _keys(rows, tables[name])}
        apart = []
        for others, theirs in parts:
            if keys & theirs:
                names, keys = others + names, keys | theirs
            else:
                apart.append((others, theirs))
        parts = [*apart, (names, keys)]
    return sorted(sorted(names) for names, _ in parts)


def _n(frames, table: JointTable) -> dict[str, int]:
    units = {key for rows in frames for key in _keys(rows, table)}
    counts = {group: sum(own == group for _, own in units) for group in GROUPS}
    return {group: count for group, count in counts.items() if count or group != "control"}


@dataclass(frozen=True)
class _Fit:
    """Contrasts of one experiment and their covariances, in each of b replicates.

    n, d : arrays (b, k); vn, c, vd : arrays (b, k, k), the covariances of (N, N), (N, D) and (D, D);
    sd : array (k, b, units), of each unit's group; correlation : array (b, k, k), not shrunk.
    """

    n: np.ndarray
    d: np.ndarray
    vn: np.ndarray
    c: np.ndarray
    vd: np.ndarray
    sd: np.ndarray
    correlation: np.ndarray


@dataclass(frozen=True)
class _Experiment:
    """Least squares of k endpoints over the same units, as matrices (zero where a unit lacks an endpoint).

    weights : array (k, 2, units), values to N and D; residuals : array (k, units, units), values to residuals;
    variances : array (k, units, units), squared residuals to the variance of each unit's group;
    observed : array (k, units) of 0 and 1.
    """

    endpoints: tuple[str, ...]
    weights: np.ndarray
    residuals: np.ndarray
    variances: np.ndarray
    observed: np.ndarray

    def fit(self, values: np.ndarray) -> _Fit:
        """Contrasts and covariances of values, array (k, b, units)."""
        residuals = values @ self.residuals
        residuals[np.abs(residuals) < 1e-12] = 0.0
        sd = np.sqrt(residuals**2 @ self.variances)
        standard = np.divide(residuals, sd, out=np.zeros_like(sd), where=sd > 0)
        correlation, shrunk = self._correlations(standard.transpose(1, 0, 2))
        contrasts = values @ self.weights.transpose(0, 2, 1)
        of_n, of_d = (np.ascontiguousarray((self.weights[:, row, None] * sd).transpose(1, 0, 2)) for row in (0, 1))
        return _Fit(
            n=contrasts[:, :, 0].T,
            d=contrasts[:, :, 1].T,
            vn=shrunk * (of_n @ of_n.swapaxes(1, 2)),
            c=shrunk * (of_n @ of_d.swapaxes(1, 2)),
            vd=shrunk * (of_d @ of_d.swapaxes(1, 2)),
            sd=sd,
            correlation=correlation,
        )

    def _correlations(self, standard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Correlations of standardised residuals, array (b, k, units), as they are and shrunk, arrays (b, k, k).

        Both are positive definite.
        """
        squares = standard**2
        both = self.observed @ self.observed.T
        own = squares @ self.observed.T
        size = np.sqrt(own * own.swapaxes(1, 2))
        size[~((size > 0) & (both > 2))] = np.inf
        r = (standard @ standard.swapaxes(1, 2)) / size
        apart = ~np.eye(len(both), dtype=bool)
        # r is a sum over units of products; its variance follows from the spread of these.
        variance = squares @ squares.swapaxes(1, 2) / size**2 - r**2 / np.maximum(both, 1)
        variance *= both / np.maximum(both - 1, 1)
        total = (r**2 * apart).sum(axis=(1, 2))
        intensity = np.divide((variance * apart).sum(axis=(1, 2)), total, out=np.ones_like(total), where=total > 0)
        r[:, ~apart] = 1.0
        lowest = np.minimum(np.linalg.eigvalsh(r)[:, 0], _FLOOR)
        needed = (_FLOOR - lowest) / (1 - lowest)
        kept = 1 - needed, 1 - np.clip(intensity, needed, 1)
        return tuple(np.where(apart, part[:, None, None] * r, r) for part in kept)


def _experiment(columns) -> tuple[_Experiment | None, np.ndarray, list[str]]:
    """The model of endpoints with its values, array (k, units); the endpoints without any spread, which stay out."""
    units = sorted({key for _, rows, table in columns for key in _keys(rows, table)})
    place = {key: i for i, key in enumerate(units)}
    names, parts, flat = [], [], []
    for endpoint, rows, table in columns:
        at = np.array([place[key] for key in _keys(rows, table)])
        order = np.argsort(at)
        at, rows = at[order], rows.iloc[order]
        own, model = rows[table.value].to_numpy(float), _model(rows, table)
        # Phi has no unit, so each endpoint may be put on a scale on which rounding errors are alike.
        own = own / power_of_two(own)
        own = (own - own.mean()) / own.std()
        spread = own @ model[1]
        spread[np.abs(spread) < 1e-12] = 0.0
        scaled = model[0] * np.sqrt(spread**2 @ model[2])
        covariance = scaled @ scaled.T
        # V(phi) of this endpoint is above 0 at every phi exactly where this matrix is positive definite.
        if np.linalg.det(covariance) <= 1e-12 * covariance.trace() ** 2:
            flat.append(endpoint)
            continue
        names.append(endpoint)
        # Zero rows and columns where a unit lacks the endpoint.
        wide = np.eye(len(units))[at]
        parts.append(
            (own @ wide, model[0] @ wide, wide.T @ model[1] @ wide, wide.T @ model[2] @ wide, wide.sum(axis=0))
        )
    if not names:
        return None, np.empty((0, 0)), flat
    values, *arrays = (np.stack(part) for part in zip(*parts, strict=True))
    return _Experiment(tuple(names), *arrays), values, flat


def _model(rows: pd.DataFrame, table: JointTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (2, units), residual maker and variance maker (units, units) of one endpoint; see `_Experiment`."""
    labels = rows[table.group].to_numpy(object)
    names, contrasts = contrasts_of_phi("control" if "control" in labels else "young")
    used = map(linear.codes, usable_blocks(rows, table.block).values())
    model = linear.layout(tuple(map(names.index, labels)), tuple(used), tuple(map(tuple, contrasts.tolist())))
    return model.weights, model.residual_maker, model.variance_maker


class _Distance:
    """(N - phi D)' V(phi)^-1 (N - phi D) summed over experiments, in each of b replicates, at phi = scale * tan(angle).

    The line of phi, closed at infinity, is a circle of angles with period pi.
    """

    def __init__(self, fits: list[_Fit], scale: float | None = None):
        self.fits = fits
        self.cross = [fit.c + fit.c.swapaxes(1, 2) for fit in fits]
        if scale is None:
            ratios = [np.diagonal(fit.vn[0]) / np.diagonal(fit.vd[0]) for fit in fits]
            scale = float(np.exp(np.log(np.concatenate(ratios)).mean() / 2))
        self.scale = scale

    def at(self, angles: np.ndarray, rows: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """q N - p D and its covariance by experiment, phi = p / q, at angles, array (rows, m)."""
        p, q = self.scale * np.sin(angles)[..., None], np.cos(angles)[..., None]
        ws = [q * fit.n[rows, None] - p * fit.d[rows, None] for fit in self.fits]
        p, q = p[..., None], q[..., None]
        vs = [
            q * q * fit.vn[rows, None] - p * q * cross[rows, None] + p * p * fit.vd[rows, None]
            for fit, cross in zip(self.fits, self.cross, strict=True)
        ]
        return ws, vs

    def __call__(self, angles: np.ndarray, rows: np.ndarray) -> np.ndarray:
        total = np.zeros(angles.shape)
        for w, v in zip(*self.at(angles, rows), strict=True):
            total += (w * np.linalg.solve(v, w[..., None])[..., 0]).sum(axis=-1)
        return total

    def minimum(self) -> tuple[np.ndarray, np.ndarray]:
        """Angle and value of the smallest distance, arrays (b,)."""
        rows = np.arange(len(self.fits[0].n))
        best = np.argmin(self(np.broadcast_to(_ANGLES, (len(rows), len(_ANGLES))), rows), axis=1)
        middle, step = _ANGLES[best], _ANGLES[1] - _ANGLES[0]
        found = find_minimum(
            lambda angle, row: self(angle[..., None], row)[..., 0],
            (middle - step, middle, middle + step),
            args=(rows,),
            tolerances=_TOLERANCES,
        )
        return found.x, found.f_x

    def limits(self, angle: float, bound: float) -> tuple[float, float]:
        """Smallest and largest phi whose distance is at most `bound`; infinite both where infinity itself is inside."""
        row = np.zeros(1, int)

        def excess(at: float) -> float:
            return float(self(np.array([[at]]), row)[0, 0] - bound)

        start = (angle + np.pi / 2) % np.pi - np.pi / 2
        angles = np.unique(np.append(_FINE, start))
        inside = np.flatnonzero(self(angles[None], row)[0] <= bound)
        # The minimum itself is inside, whatever rounding says.
        inside = np.union1d(inside, np.searchsorted(angles, start))
        if inside[0] == 0:
            return -np.inf, np.inf
        angles = np.append(angles, np.pi / 2)
        ends = []
        for edge, out in ((inside[0], inside[0] - 1), (inside[-1], inside[-1] + 1)):
            at = angles[edge] if excess(angles[edge]) >= 0 else brentq(excess, angles[edge], angles[out], xtol=1e-12)
            ends.append(float(self.scale * np.tan(at)))
        return ends[0], ends[1]


def _bootstrap(experiments, fits, distance: _Distance, angle: float, replicates: int, seed: int):
    """Smallest distance, and the excess over it of the distance at the true phi, in each replicate."""
    rng = np.random.default_rng(seed)
    row = np.zeros(1, int)
    p, q = distance.scale * np.sin(angle), np.cos(angle)
    truths = []
    for fit, w, v in zip(fits, *distance.at(np.array([[angle]]), row), strict=True):
        pull = np.linalg.solve(v[0, 0], w[0, 0])
        n = fit.n[0] - (q * fit.vn[0] - p * fit.c[0]) @ pull
        d = fit.d[0] - (q * fit.c[0].T - p * fit.vd[0]) @ pull
        truths.append((n, d, np.linalg.cholesky(fit.correlation[0])))
    smallest, excess = [], []
    for start in range(0, replicates, _CHUNK):
        size = min(_CHUNK, replicates - start)
        drawn = []
        for (experiment, _), fit, (n, d, root) in zip(experiments, fits, truths, strict=True):
            k, units = experiment.observed.shape
            # Neither statistic knows the group means themselves: contrasts are added to those of the noise.
            noise = (rng.standard_normal((size, units, k)) @ root.T).transpose(2, 0, 1) * fit.sd
            own = experiment.fit(noise)
            drawn.append(replace(own, n=own.n + n, d=own.d + d))
        again = _Distance(drawn, distance.scale)
        _, low = again.minimum()
        smallest.append(low)
        excess.append(again(np.full((size, 1), angle), np.arange(size))[:, 0] - low)
    return np.concatenate(smallest), np.concatenate(excess)
