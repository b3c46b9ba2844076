"""Contrasts with a variance for each group: against dense matrices, against the tests they extend, and error rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from endomtor.stats import linear

GROUPS_OF_FOUR = (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)


def answers(model, values, contrast=0):
    """t and df of one contrast for each row of values."""
    products = model.products[contrast, contrast][None]
    found = []
    for row, variances in zip(values, model.variances(values), strict=True):
        (variance,), (expected,), spread = model.moments(products, variances)
        found.append((model.weights[contrast] @ row / np.sqrt(variance), expected**2 / spread[0, 0]))
    return np.array(found).T


def p_values(model, values, contrast=0):
    t, df = answers(model, values, contrast)
    return 2 * stats.t.sf(np.abs(t), df)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_everything_equals_dense_matrices(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 5))
    codes = tuple(np.repeat(range(count), rng.integers(2, 6, count)).tolist())
    blocks = tuple(linear.codes(map(str, rng.integers(0, 3, len(codes)))) for _ in range(rng.integers(0, 3)))
    contrasts = ((1.0, -1.0, *[0.0] * (count - 2)), (-1.0, *[0.0] * (count - 2), 1.0))
    model = linear.layout(codes, blocks, contrasts)

    design = np.hstack([np.eye(count)[list(codes)], *(np.eye(max(b) + 1)[list(b)] for b in blocks)])
    inverse = np.linalg.pinv(design)
    m = np.eye(len(codes)) - design @ inverse
    full = np.hstack([contrasts, np.zeros((2, design.shape[1] - count))])
    weights = full @ inverse
    assert model.estimable.tolist() == [bool(np.allclose(row, full[i])) for i, row in enumerate(weights @ design)]
    np.testing.assert_allclose(model.weights, weights, atol=1e-10)
    e = [np.diag(np.equal(codes, group).astype(float)) for group in range(count)]
    left = np.array([np.trace(m @ a) for a in e])
    y = rng.normal(size=len(codes))
    sums = np.array([y @ m @ a @ m @ y for a in e])
    variances = model.variances(y)
    # A group to whose units the model leaves nothing has no variance.
    share = np.array([0.0 if one < 1e-9 else 1 / one for one in left])
    np.testing.assert_allclose(share * sums, variances, atol=1e-8)
    np.testing.assert_allclose(model.residual_maker, m, atol=1e-10)
    np.testing.assert_allclose((m @ y) ** 2 @ model.variance_maker, variances[list(codes)], atol=1e-8)

    # Moments of the quadratic form r' K r under independent normal values with the variances found.
    sigma = sum(s * a for s, a in zip(variances, e, strict=True))
    products = model.products[0, 0][None]
    k = sum(one * a for one, a in zip((products * share)[0], e, strict=True))
    (variance,), (expected,), spread = model.moments(products, variances)
    assert variance == pytest.approx(y @ m @ k @ m @ y)
    inner = k @ m @ sigma @ m
    assert expected == pytest.approx(np.trace(inner), abs=1e-10)
    assert spread[0, 0] == pytest.approx(np.trace(inner @ inner), abs=1e-10)


@pytest.mark.parametrize(
    ("n", "sd", "limit"),
    [
        ((8, 8, 8, 8), (1.0, 1.0, 1.0, 1.0), 0.07),
        ((8, 8, 8, 8), (1.0, 2.0, 1.0, 1.0), 0.07),
        ((3, 3, 3, 3), (1.0, 2.0, 1.0, 1.0), 0.07),
        # Welch's own approximation is somewhat liberal when the small group varies most.
        ((8, 3, 8, 8), (1.0, 2.0, 1.0, 1.0), 0.10),
    ],
)
def test_the_error_rate_holds_where_aged_animals_vary_more(n, sd, limit):
    rng = np.random.default_rng(5)
    codes = tuple(np.repeat(range(4), n).tolist())
    batch = tuple(i % 2 for size in n for i in range(size))
    model = linear.layout(codes, (batch,), ((-1.0, 1.0, 0.0, 0.0),))
    values = rng.normal(size=(3000, len(codes))) * np.array(sd)[list(codes)]
    assert (p_values(model, values) < 0.05).mean() < limit


def test_units_alone_in_their_blocks_leave_no_spread():
    model = linear.layout((0, 0, 1, 1), ((0, 1, 0, 2),), ((1.0, -1.0),))
    assert model.estimable.all()
    assert not model.spread_known(model.products[0, 0][None])


def test_layouts_that_differ_by_names_only_are_one():
    assert linear.codes("abca") == linear.codes("xyzx") == (0, 1, 2, 0)
