"""Numbers as a reader sees them: one rule for digits, ratios in per cent, small p."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endomtor import reporting
from endomtor.claims import catalogue
from endomtor.stats import Estimate


def estimate(value, low, high, kind="bounded"):
    return Estimate(value, low, high, (low, high), 1e-5, {"aged": 8, "young": 8}, "animal", "Welch", interval_kind=kind)


@pytest.mark.parametrize(
    ("value", "low", "high", "base", "text"),
    [
        (-0.497, -0.789, -0.205, 2, "−29 % (−42 to −13)"),
        (0.497, 0.205, 0.789, 2, "+41 % (+15 to +73)"),
        (-0.2042, -0.2366, -0.1717, 2, "−13.2 % (−15.1 to −11.2)"),
        (0.6737, 0.1334, 1.2140, math.e, "+96 % (+14 to +237)"),
        (0.734, 0.621, 0.841, None, "0.73 (0.62 to 0.84)"),
        (0.65, 0.04, 1.14, None, "0.7 (0.04 to 1.1)"),
        (12.3, 4.1, 20.6, None, "12 (4 to 21)"),
        (0.0, 0.0, 0.0, None, "0.00 (0.00 to 0.00)"),
        (0.5, 0.12, None, None, "0.50 (0.12 to unbounded)"),
        (0.5, -math.inf, math.inf, None, "0.50 (unbounded to unbounded)"),
    ],
)
def test_two_digits_of_the_interval_decide(value, low, high, base, text):
    shown, *ends = reporting.shown(value, low, high, base)
    assert f"{shown} ({' to '.join(ends)})" == text


@given(value=st.floats(-3, 3), below=st.floats(0.01, 5), above=st.floats(0.01, 5), base=st.sampled_from([None, 2.0]))
def test_what_is_shown_is_near_and_no_limit_changes_sides(value, below, above, base):
    low, high = value - below, value + above
    for text, number in zip(reporting.shown(value, low, high, base), (value, low, high), strict=True):
        read = float(text.removesuffix(" %").replace("−", "-"))
        exact = 100 * (base**number - 1) if base else number
        assert abs(read - exact) <= 0.05 * abs(high - low if base is None else 100 * (base**high - base**low)) + 5e-5
        assert read * exact >= 0


def test_the_rules_say_which_estimands_are_ratios():
    ratios = {rule.estimand for claim in catalogue.load().claims for rule in claim.evidence}
    told = {one: reporting.estimand_text(one) for one in ratios if reporting.change_base(one)}
    assert told["log2(aged / young) of the MFI"] == "aged / young of the MFI"
    assert told["difference of log odds, old - young, mean over cohorts"] == "odds, old / young, mean over cohorts"
    assert not any("log" in one for one in told.values())
    assert not any(one.startswith("phi") for one in told)
    assert all(reporting.estimand_text(one) == one for one in ratios - set(told))


def test_alt_text_sentence_and_interval_of_a_fold_change_are_in_per_cent():
    fall = estimate(-0.497, -0.789, -0.205)
    assert reporting.alt_text("pS6", {"aged": fall}, 2) == "pS6. aged −29 %, 95 % interval −42 to −13."
    assert reporting.result_text(fall, 2).startswith("−29 % (95 % interval −42 to −13; unit animal, n: aged 8, young 8")
    assert reporting.interval_text(estimate(0.7, -2.0, 0.2, "two_piece")) == "95 % set: at most −2.0 or at least 0.2"


@pytest.mark.parametrize(
    ("p", "text"), [(0.012, "p = 0.012"), (0.001, "p = 0.001"), (1e-5, "p < 0.001"), (math.nan, "no p")]
)
def test_small_p_is_a_bound(p, text):
    assert reporting.p_text(p) == text


def test_what_is_not_there_is_said():
    assert reporting.shown(None, None, None) == ("none", "unbounded", "unbounded")
    assert reporting.shown(float("nan"), -1.0, 1.0)[0] == "none"
    assert reporting.shown(0.5, float("nan"), 1.0)[1] == "unbounded"
