"""The stratified log-rank test against sums made by hand, and what it refuses."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from endomtor.errors import UnitError
from endomtor.stats import log_rank

ABOUT = {"time": "day", "died": "died", "group": "group", "a": "ecko", "b": "control", "unit": "animal"}


def by_hand(mice: pd.DataFrame, strata: list[str]) -> float:
    """Mantel's chi-square: at each death of each stratum the table of the dead and the living, one after the other."""
    observed = expected = variance = 0.0
    for _, rows in mice.groupby(strata) if strata else [("", mice)]:
        for day in rows.loc[rows["died"] == 1, "day"].unique():
            risk = rows[rows["day"] >= day]
            of_a = risk["group"] == "ecko"
            dying = (risk["day"] == day) & (risk["died"] == 1)
            n, n_a, d = len(risk), of_a.sum(), dying.sum()
            observed += (dying & of_a).sum()
            expected += d * n_a / n
            variance += d * (n_a / n) * (1 - n_a / n) * (n - d) / (n - 1) if n > 1 else 0.0
    return (observed - expected) ** 2 / variance if variance else math.nan


def mice(draws: list[tuple]) -> pd.DataFrame:
    frame = pd.DataFrame(draws, columns=["group", "sex", "batch", "day", "died"])
    return frame.assign(animal=[f"m{i}" for i in range(len(frame))])


one_mouse = st.tuples(
    st.sampled_from(["ecko", "control"]), st.sampled_from("FM"), st.sampled_from("12"), st.integers(1, 9), st.booleans()
)


@settings(max_examples=150, deadline=None)
@given(st.lists(one_mouse, min_size=2, max_size=30))
def test_strata_add_observed_minus_expected_and_variances(draws):
    table = mice(draws)
    found = log_rank(table, **ABOUT, strata=["sex", "batch"])
    assert found.n == {name: (table["group"] == name).sum() for name in ("ecko", "control")}
    if found.withheld:
        assert math.isnan(found.p)
        return
    assert found.statistic == pytest.approx(by_hand(table, list(found.strata)), rel=1e-9, abs=1e-12)
    assert found.p == pytest.approx(chi2.sf(found.statistic, 1))
    turned = log_rank(table, **ABOUT | {"a": "control", "b": "ecko"}, strata=["batch", "sex"])
    assert turned.statistic == pytest.approx(found.statistic, rel=1e-9, abs=1e-12)


def test_strata_take_out_what_one_of_them_does():
    """Males die early and are more frequent among ECKO mice; within each sex the groups do not differ."""
    early, late = [3, 4, 5, 6], [13, 14, 15, 16]
    sides = [("ecko", "M", early * 2), ("ecko", "F", late), ("control", "M", early), ("control", "F", late * 2)]
    table = mice([(group, sex, "", day, True) for group, sex, days in sides for day in days])
    plain, within = log_rank(table, **ABOUT), log_rank(table, **ABOUT, strata=["sex", "batch", "absent"])
    assert plain.strata == ()
    assert within.strata == ("sex",)
    assert plain.statistic == pytest.approx(by_hand(table, []))
    assert (plain.p < 0.25, within.p > 0.9) == (True, True)
    assert within.deaths == {"ecko": 12, "control": 12}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"sex": ["F"] * 4 + ["M"] * 4}, "sex of ecko cannot be told from ecko"),
        ({"sex": list("FMFM") + list("XYXY")}, "Nobody died while both groups"),
        ({"died": [False] * 8}, "Nobody died while both groups"),
        ({"group": ["control"] * 8}, "There are no units in ecko"),
    ],
)
def test_what_cannot_be_compared_has_no_p(change, why):
    table = mice([(group, "F", "", day, True) for group in ("ecko", "control") for day in range(4)]).assign(**change)
    found = log_rank(table, **ABOUT, strata=["sex", "batch"])
    assert why in found.withheld
    assert np.isnan([found.statistic, found.p]).all()


def test_recipients_are_no_units():
    table = mice([("ecko", "F", "", 3, True)] * 2 + [("control", "F", "", 4, True)] * 2)
    with pytest.raises(UnitError, match="repeats"):
        log_rank(table.assign(animal=["e", "e", "c", "d"]), **ABOUT)
