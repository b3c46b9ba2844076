"""One value per unit, blocks, and the time at which units are compared."""

import numpy as np
import pandas as pd
import pytest

from endomtor.errors import UnitError
from endomtor.stats import groups, nested, phi

TWO = {"value": "y", "group": "niche", "a": "aged", "b": "young", "unit": "animal"}


def cells():
    return pd.DataFrame(
        {"animal": list("bbbaacc"), "group": ["x"] * 3 + ["y"] * 4, "y": [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, np.nan]}
    )


def test_mean_over_subsamples_in_order_of_units():
    got = nested.one_value_per_unit(cells(), value="y", unit="animal", carry=["group"])
    assert got.to_dict("list") == {
        "animal": ["a", "b", "c"],
        "group": ["y", "x", "y"],
        "y": [0.0, pytest.approx(2 / 3), 1.0],
        "n_subsamples": [2, 3, 1],
    }


def test_summaries_on_the_scales_of_the_analysis():
    logit = nested.one_value_per_unit(cells(), value="y", unit="animal", summary="empirical_logit")["y"]
    assert logit.tolist() == pytest.approx([np.log(0.5 / 2.5), np.log(2.5 / 1.5), np.log(1.5 / 0.5)])
    foci = cells().assign(y=[4, 0, 2, 0, 0, 7, 9])
    logs = nested.one_value_per_unit(foci, value="y", unit="animal", summary="log_mean")["y"]
    assert logs.tolist() == pytest.approx(np.log([0.5, 2.5, 8.5]).tolist())
    with pytest.raises(ValueError, match="0 or 1"):
        nested.one_value_per_unit(foci, value="y", unit="animal", summary="empirical_logit")
    with pytest.raises(ValueError, match="median"):
        nested.one_value_per_unit(foci, value="y", unit="animal", summary="median")


def test_what_varies_within_a_unit_is_not_carried():
    wrong = cells().assign(group=list("xyxyyyy"))
    with pytest.raises(UnitError, match="'group' has 2 values within animal 'b'"):
        nested.one_value_per_unit(wrong, value="y", unit="animal", carry=["group"])
    with pytest.raises(UnitError, match="blank in 1 of 7"):
        nested.one_value_per_unit(
            cells().replace({"animal": {"b": "b"}}).assign(animal=[*"bbbaac", None]), value="y", unit="animal"
        )


def test_units_without_a_value_are_left_out():
    got = nested.one_value_per_unit(cells().assign(y=[np.nan] * 3 + [1] * 4), value="y", unit="animal")
    assert got["animal"].tolist() == ["a", "c"]


def exposed(donors, niches="aaaayyyy", seed=4):
    rng = np.random.default_rng(seed)
    names = {"a": "aged", "y": "young"}
    return pd.DataFrame(
        {
            "animal": [f"e{i}" for i in range(len(niches))],
            "niche": [names[n] for n in niches],
            "donor": list(donors),
            "y": rng.normal(size=len(niches)),
        }
    )


def test_a_crossed_donor_is_a_block():
    data = exposed("12341234")
    got = nested.blocked_difference(data, **TWO, block="donor")
    assert got == groups.difference(data, **TWO, block="donor")
    wide = data.pivot(index="donor", columns="niche", values="y")
    # With one animal of each niche per donor the block makes it the paired t test.
    from scipy.stats import ttest_rel

    assert got.p == pytest.approx(ttest_rel(wide["aged"], wide["young"]).pvalue)
    assert got.df == pytest.approx(3)


def test_a_donor_that_feeds_one_niche_is_the_unit():
    data = exposed("11223344")
    got = nested.blocked_difference(data, **TWO, block="donor")
    assert got.n == {"aged": 2, "young": 2}
    assert got.unit == "donor"
    assert "averaged" in got.warnings[-1]
    means = data.groupby(["niche", "donor"], as_index=False)["y"].mean()
    assert got.p == groups.difference(means, **(TWO | {"unit": "donor"})).p


@pytest.mark.parametrize("donors", ["11111111", "12345678", "        "])
def test_a_donor_that_says_nothing_plays_no_part(donors):
    data = exposed(donors)
    assert nested.blocked_difference(data, **TWO, block="donor") == groups.difference(data, **TWO)


def test_one_donor_per_niche_is_withheld():
    assert nested.blocked_difference(exposed("11112222"), **TWO, block="donor").withheld


def test_phi_knows_the_same_three_roles_of_a_donor():
    data = exposed("1234" * 4, niches="aaaayyyyaaaayyyy").assign(
        niche=np.repeat(["young", "aged", "control", "ecko"], 4)
    )
    about = {"value": "y", "group": "niche", "direction": "greater"}
    crossed = nested.blocked_phi(data, unit="animal", block="donor", **about)
    assert crossed == phi(data, unit="animal", block="donor", **about)
    own = data.assign(donor=data["animal"] + "-cells")
    assert nested.blocked_phi(own, unit="animal", block="donor", **about) == phi(data, unit="animal", **about)
    feeds_one = data.assign(donor=data["niche"] + np.tile(list("1122"), 4))
    means = feeds_one.groupby(["niche", "donor"], as_index=False)["y"].mean()
    averaged = nested.blocked_phi(feeds_one, unit="animal", block="donor", **about)
    assert (averaged.unit, averaged.n["ecko"]) == ("donor", 2)
    assert averaged.p == phi(means, unit="donor", **about).p


def test_a_column_aligned_with_the_niche_is_seen_at_the_level_of_donors():
    data = exposed("11223344").assign(batch=list("11112222"))
    assert "'batch'" in nested.blocked_difference(data, **TWO, block="donor", check=["batch"]).withheld


def test_recipients_as_n_are_refused():
    with pytest.raises(UnitError, match="'animal' repeats"):
        nested.blocked_difference(pd.concat([exposed("12341234")] * 2), **TWO, block="donor")


def visits(**weeks):
    return pd.DataFrame([(unit, week) for unit, seen in weeks.items() for week in seen], columns=["unit", "week"])


def test_latest_time_common_to_all():
    got = nested.latest_common(visits(a=[4, 8, 16, 20], b=[4, 8, 16], c=[4, 16, 20]), "week", "unit")
    assert got == nested.CommonTime(16.0, reached=True)


def test_a_common_time_that_is_too_early_is_said_to_be():
    got = nested.latest_common(visits(a=[4, 8, 16], b=[4, 8]), "week", "unit")
    assert got == nested.CommonTime(8.0, reached=False)


def test_no_common_time_names_who_is_missing():
    got = nested.latest_common(visits(a=[16], b=[16, 20], c=[20], d=[20]), "week", "unit")
    assert got == nested.CommonTime(20.0, reached=False, missing=("a",))
    empty = nested.latest_common(visits(), "week", "unit")
    assert np.isnan(empty.time)
    assert not empty.reached


def test_logit_of_percentages():
    got = nested.logit_percent(pd.Series([0.0, 50.0, 100.0, np.nan], name="chimerism"))
    assert got.tolist()[:3] == pytest.approx([np.log(0.1 / 99.9), 0, np.log(99.9 / 0.1)])
    assert np.isnan(got[3])
    with pytest.raises(ValueError, match="chimerism.*101"):
        nested.logit_percent(pd.Series([101.0], name="chimerism"))


def niches(donors):
    values = [1.0, 2.0, 1.5, 2.2, 3.0, 3.5, 2.9, 3.3]
    return pd.DataFrame({"niche": range(8), "donor": donors, "group": ["a"] * 4 + ["b"] * 4, "y": values})


def test_a_blank_donor_is_a_level_of_a_block_but_no_unit_and_no_link():
    how = {"value": "y", "group": "group", "unit": "niche", "block": "donor"}
    crossed = nested.arrange(niches(["p", "q", "", None] * 2), **how)
    assert (crossed.unit, crossed.blocks) == ("niche", ("donor",))
    assert nested.arrange(niches([""] * 8), **how).blocks == ()
    for blank in ("", None):
        with pytest.raises(UnitError, match="'donor' is blank in 2 of 8 rows, .* each donor is one unit"):
            nested.arrange(niches(["p", "p", "q", blank, "r", "r", "s", blank]), **how)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: nested.latest_common(f.assign(group="w8"), "group", "niche"), ValueError, "text .'w8'. in row 0"),
        (lambda f: nested.latest_common(f, "y", "nich"), UnitError, "did you mean 'niche'"),
        (lambda f: nested.latest_common(f.assign(niche=None), "y", "niche"), UnitError, "blank in 8 of 8"),
        (lambda f: nested.one_value_per_unit(f, value="z", unit="niche"), ValueError, "'z' is not in the table"),
        (lambda f: nested.one_value_per_unit(f.assign(y=np.inf), value="y", unit="niche"), ValueError, "infinite"),
        (
            lambda f: nested.one_value_per_unit(f.assign(y=-1), value="y", unit="niche", summary="log_mean"),
            ValueError,
            "holds -1, expected counts of 0 or more",
        ),
        (lambda f: nested.logit_percent(f["donor"]), ValueError, "'donor' holds text .'p'."),
    ],
)
def test_bad_columns_are_refused_in_a_sentence(call, error, message):
    with pytest.raises(error, match=message):
        call(niches(list("pqrs") * 2))


def test_integer_groups_are_compared_as_their_text():
    how = {"value": "y", "group": "group", "unit": "niche", "block": "donor"}
    text = nested.blocked_difference(niches(list("pqrs") * 2), a="b", b="a", **how)
    numbers = niches(list("pqrs") * 2).assign(group=[1] * 4 + [2] * 4)
    assert nested.blocked_difference(numbers, a=2, b=1, **how).p == text.p
    assert nested.blocked_difference(numbers, a="2", b="1", **how).p == text.p
