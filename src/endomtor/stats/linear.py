"""Contrasts of group means, with additive blocks and a variance of its own for each group.

This is the one linear model behind `difference`, `treatment_within_age`, `phi` and their blocked forms. Without a
block it is Welch's test, in a paired design the paired t test. With blocks (batch, donor) means are those of least
squares on group + block; a group's variance is its residual sum of squares over what the model leaves of its degrees
of freedom, sum(1 - leverage); and the degrees of freedom of a contrast match two moments of its variance
(Satterthwaite). A variance pooled over groups would be simpler, but is wrong wherever aged animals vary more than
young ones: with twice the standard deviation of three other groups of their size it gives 10 % false positives at
nominal 5 % for aged against young. Variances made exactly unbiased by moments (Rao 1970) can be negative, and with
three units a group that hides half of the effects; these cannot be, and where groups vary differently their bias is a
small share of that difference.

References
----------
Welch 1947 (doi 10.1093/biomet/34.1-2.28); Bell & McCaffrey 2002, Survey Methodology 28:169, and Imbens & Kolesar 2016
(doi 10.1162/REST_a_00552): variances from residuals and their degrees of freedom; Rao 1970
(doi 10.1080/01621459.1970.10481070): the unbiased alternative.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_NOTHING = 1e-9
"""Degrees of freedom, which are sums of whole units, below which rounding is all there is."""

Codes = tuple[int, ...]
"""For each unit the number of its group or of its level of a block."""


@dataclass(frozen=True, eq=False)
class Layout:
    """What an allocation of units to groups and blocks makes of any values: it is kept, since cohorts share it.

    Attributes
    ----------
    weights : array (contrasts, units)
        Contrast = weights @ values.
    products : array (contrasts, contrasts, groups)
        Sums over a group's units of products of weights: covariance of two contrasts = products @ variances.
    estimable : array of bool (contrasts,)
        False where the blocks take a contrast over (they are confounded with it).
    """

    weights: np.ndarray
    products: np.ndarray
    estimable: np.ndarray
    _q: np.ndarray
    _member: np.ndarray
    _left: np.ndarray
    _expected: np.ndarray
    _fourth: np.ndarray

    @property
    def taken_up(self) -> np.ndarray:
        """Which units, (units,) of bool, the model fits whatever their values: alone in a level of a block."""
        return (self._q**2).sum(axis=1) > 1 - _NOTHING

    @property
    def residual_maker(self) -> np.ndarray:
        """The matrix (units, units) that takes values to residuals."""
        return np.eye(len(self._q)) - self._q @ self._q.T

    @property
    def ratio_products(self) -> np.ndarray:
        """What variances weigh in that of q N - p D, N and D being two contrasts: (q^2, pq, p^2) x groups."""
        return np.array([self.products[0, 0], -2 * self.products[0, 1], self.products[1, 1]])

    @property
    def variance_maker(self) -> np.ndarray:
        """The matrix (units, units) that takes squared residuals to the variance of each unit's group."""
        return self._member * self._share @ self._member.T

    @property
    def _share(self) -> np.ndarray:
        """What each unit's squared residual counts for in its group's variance; 0 where the model leaves nothing."""
        return np.divide(1.0, self._left, out=np.zeros_like(self._left), where=self._left > _NOTHING)

    def spread_known(self, products: np.ndarray) -> bool:
        """Return whether the residuals say something on all variances that rows of `products` (m, groups) need."""
        size = np.abs(products)
        return not (size > 1e-7 * size.max()).any(axis=0)[self._left <= _NOTHING].any()

    def variances(self, values: np.ndarray) -> np.ndarray:
        """Return the groups' variances, (..., groups), of values (..., units)."""
        residuals = values - (values @ self._q) @ self._q.T
        return (residuals**2 @ self._member) * self._share

    def summed_variances(self, products: np.ndarray) -> np.ndarray:
        """Return `variances` summed over rows of values from their products values.T @ values, (units, units)."""
        taken = products @ self._q
        squares = np.diag(products) - 2 * (taken * self._q).sum(axis=1)
        squares = squares + ((self._q @ (self._q.T @ taken)) * self._q).sum(axis=1)
        return (squares @ self._member) * self._share

    def moments(self, products: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the variance of each row of `products` (m, groups), its expectation E, and S of its spread (m, m).

        The degrees of freedom of a sum of rows with coefficients c are (c @ E)^2 / (c @ S @ c). Expectation and spread
        are those under the variances given.
        """
        k = products * self._share
        between = np.einsum("ghij,i,j->gh", self._fourth, variances, variances)
        return products @ variances, k @ (self._expected @ variances), k @ between @ k.T


def alone(count: int, unit: str, blocks: Iterable[str]) -> tuple[str, ...]:
    """Return the warning that so many units tell nothing on a contrast, which n counts all the same."""
    if not count:
        return ()
    subject = f"1 {unit} is" if count == 1 else f"{count} {unit}s are"
    return (
        f"{subject} alone in a level of {' or '.join(blocks)} (a blank is a level): "
        "nothing of the comparison rests on " + ("it" if count == 1 else "them"),
    )


@lru_cache(maxsize=2048)
def layout(groups: Codes, blocks: tuple[Codes, ...], contrasts: tuple[tuple[float, ...], ...]) -> Layout:
    """Return the layout of units in `groups` and `blocks` for `contrasts` (a weight for each group that has units)."""
    codes = np.array(groups)
    member = np.eye(len(contrasts[0]))[codes]
    design = np.hstack([member, *(np.eye(max(block) + 1)[list(block)] for block in blocks)])
    full = np.zeros((len(contrasts), design.shape[1]))
    full[:, : member.shape[1]] = contrasts
    u, singular, vt = np.linalg.svd(design, full_matrices=False)
    rank = int((singular > 1e-10 * singular[0]).sum())
    q, back = u[:, :rank], vt[:rank].T / singular[:rank]
    weights = full @ back @ q.T
    estimable = np.abs(full @ vt[:rank].T @ vt[:rank] - full).max(axis=1) < 1e-8
    products = np.einsum("cu,du,ug->cdg", weights, weights, member)
    gram = np.einsum("up,uq,ug->gpq", q, q, member)
    expected = np.einsum("gpq,hqp->gh", gram, gram)
    size = member.sum(axis=0)
    expected[np.diag_indices(len(size))] += size - 2 * np.einsum("gpp->g", gram)
    left = size - np.einsum("gpp->g", gram)
    return Layout(weights, products, estimable, q, member, left, expected, _fourth(gram, size))


def _fourth(gram: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return tr(E_g M E_i M E_h M E_j M), (groups,) * 4, for indices g, h, i, j; M takes values to residuals.

    With M = I - Q Q' each product E_g M E_i M E_h is E_g (where g = i = h) + Q_g C Q_h', and C has the size of the
    model, not of the sample.
    """
    count, p = gram.shape[:2]
    same = np.eye(count)
    c = np.broadcast_to(gram[None, :, None], (count, count, count, p, p)) - np.einsum(
        "gih,pq->gihpq", same[:, :, None] + same.T[None, :, :], np.eye(p)
    )
    alone = np.einsum("gi,ih->gih", same, same)
    moved = np.einsum("gihpq,hqr->gihpr", c, gram)
    value = np.einsum("gihpr,hjgrp->ghij", moved, c @ gram[None, None, :])
    traces = np.einsum("gihpq,gqp->gih", c, gram)
    value += np.einsum("gih,hjg->ghij", alone, traces) + np.einsum("gih,hjg->ghij", traces, alone)
    return value + np.einsum("gih,hjg,g->ghij", alone, alone, size)


def codes(labels: Iterable[str]) -> Codes:
    """Number labels in the order in which they first occur: layouts that differ by names only are one."""
    numbers: dict[str, int] = {}
    return tuple(numbers.setdefault(label, len(numbers)) for label in labels)
