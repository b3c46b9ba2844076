"""The figures: every animal drawn, the provenance mark read, the output's metadata, colours told apart, tables inert.

All frames here are invented test data.
"""

import base64
import importlib
import io
import itertools
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
from IPython.utils.capture import capture_output
from matplotlib import layout_engine
from matplotlib.collections import PathCollection
from PIL import Image

from conftest import ROOT
from endomtor import figures
from endomtor.errors import UnitError
from endomtor.estimate import Estimate
from endomtor.figures import intervals, publish, scales, style
from endomtor.provenance import Provenance
from endomtor.reporting import p_text

GROUPS = ["young", "aged", "control", "ecko"]
BY = {"value": "value", "group": "group", "animal": "animal"}
SIMULATED = Provenance("simulated", "World", "worlds/paper.toml", "0", world="paper", seed=7)
PUBLIC = Provenance("public", "GSE162607", "GEO", "0", frozen=True)
MEASURED = Provenance("measured", "Smith laboratory", "doi", "0")
EXAMPLE = Provenance("measured", "Format", "doi", "0", example=True)
pytestmark = pytest.mark.usefixtures("shell")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def estimate(value=0.5, low=0.1, high=0.9, kind="bounded"):
    return Estimate(value, low, high, (low, high), 0.03, {"aged": 5, "young": 5}, "animal", "test", interval_kind=kind)


def animals(counts, seed=1, base=5.0):
    rng = np.random.default_rng(seed)
    rows = [(f"{g}-{i}", g, base + rng.normal(0, 0.3)) for g, n in counts.items() for i in range(n)]
    return pd.DataFrame(rows, columns=["animal", "group", "value"])


def drawn_points(axes):
    return sum(len(artist.get_offsets()) for artist in axes.collections if isinstance(artist, PathCollection))


def one_estimation(counts, **more):
    arguments = BY | {"order": GROUPS, "ylabel": "HSC (10³ per femur)", "scale": "log2"}
    arguments["estimates"] = {("aged", "young"): estimate(), ("ecko", "control"): None}
    return figures.estimation(animals(counts), **(arguments | more)).figure


def values_of(table, column, **where):
    for key, wanted in where.items():
        table = table[table[key] == wanted]
    return np.sort(table[column].to_numpy(float))


def offsets(axes):
    return np.concatenate([one.get_offsets() for one in axes.collections if isinstance(one, PathCollection)])


@pytest.mark.parametrize("counts", [{"young": 3, "aged": 3}, dict.fromkeys(GROUPS, 12), {"young": 5, "ecko": 1}])
def test_estimation_draws_every_animal_and_prints_n(counts):
    figure = one_estimation(counts)
    left = figure.axes[1]
    assert drawn_points(left) == sum(counts.values())
    labels = [label.get_text() for label in left.get_xticklabels()]
    assert labels == [f"{style.named(group)}\nn = {counts.get(group, 0)}" for group in GROUPS]
    assert len(figure.axes) == 4
    assert "not\ntestable\nhere" in [text.get_text() for text in figure.axes[3].texts]


def test_estimation_aligns_zero_with_the_mean_of_the_reference():
    figure = one_estimation(dict.fromkeys(GROUPS, 6))
    frame = animals(dict.fromkeys(GROUPS, 6))
    figure.draw_without_rendering()
    left, panel = figure.axes[1], figure.axes[2]
    mean = frame.loc[frame["group"] == "young", "value"].mean()
    level = left.transData.transform((0, mean))[1]
    zero = panel.transData.transform((0, 0))[1]
    assert zero == pytest.approx(level, abs=0.01)


def test_an_estimation_plot_and_its_table_hold_the_values_given_and_the_contrasts():
    frame = animals({"young": 4, "aged": 5}, base=3.0)
    frame.loc[0, "value"] = np.nan
    about = BY | {"order": ["young", "aged", "ecko"], "ylabel": "HSC (10³ per femur)", "scale": "log2"}
    about["estimates"] = {("aged", "young"): estimate(kind="two_piece"), ("ecko", "young"): None}
    figure, table, _ = figures.estimation(frame, **about)
    figure.draw_without_rendering()
    drawn = np.sort(np.concatenate([one.get_offsets()[:, 1] for one in figure.axes[1].collections]))
    np.testing.assert_allclose(drawn, np.sort(frame["value"].dropna()))
    np.testing.assert_allclose(values_of(table, "value, log2", mark="animal"), drawn)
    known, unknown = table[table["mark"] == "difference"].to_dict("records")
    assert (known["group"], known["against"], known["interval"]) == ("aged", "young", "two_piece")
    assert [known[f"{name}, log2"] for name in ("value", "95 % from", "95 % to")] == [0.5, 0.1, 0.9]
    assert known["value on the axis"] == pytest.approx(2**0.5)
    assert unknown["group"] == "ecko"
    assert np.isnan(unknown["value, log2"])
    own = table[table["mark"] == "animal"]
    np.testing.assert_allclose(own["value on the axis"], 2 ** own["value, log2"])
    assert set(table["quantity"]) == {"HSC (10³ per femur)"}
    with pytest.raises(UnitError, match="repeats"):
        figures.estimation(pd.concat([frame, frame]), **about)


def test_a_grid_and_its_table_hold_every_panel_and_no_other():
    frame = pd.concat([animals({"young": 3, "aged": 4}, seed=k).assign(endpoint=k) for k in (1, 2, 3)])
    about = BY | {"endpoint": "endpoint", "order": ["young", "aged"], "titles": {1: "one, %", 2: "two, %", 3: "three"}}
    figure, table, _ = figures.estimation_grid(frame, estimates={2: {("aged", "young"): estimate()}, 1: {}}, **about)
    assert list(table["quantity"].unique()) == ["two, %", "one, %"]
    lefts = [axes for axes in figure.axes if drawn_points(axes)]
    assert [drawn_points(axes) for axes in lefts] == [7, 7]
    assert [label.get_text() for label in lefts[1].get_yticklabels()] == ["young, n = 3", "aged, n = 4"]
    assert len(table) == 1 + 14
    assert list(table.columns) == [
        *("mark", "quantity", "animal", "group", "against", "value", "95 % from", "95 % to", "interval")
    ]


# Cells that are 0 or 1 are drawn a little apart.
@pytest.mark.parametrize(("most", "apart"), [(2, 0.06), (9, 1e-9)])
def test_a_superplot_and_its_table_hold_every_cell_every_mean_and_the_adjusted_p(most, apart):
    rng = np.random.default_rng(0)
    mice = animals({"control": 3, "ecko": 4})
    cells = mice.loc[mice.index.repeat(20)].assign(value=lambda own: rng.integers(0, most, len(own)))
    about = BY | {"order": ["control", "ecko"], "ylabel": "foci", "pvalues": {("ecko", "control"): 0.04}}
    figure, table, _ = figures.superplot(cells, **about)
    lines = figure.axes[0].lines
    assert sum(len(line.get_xdata()) for line in lines if line.get_gid() == "endomtor-cells") == 140
    large = sorted(float(line.get_ydata()[0]) for line in lines if line.get_gid() == "endomtor-animal")
    np.testing.assert_allclose(large, np.sort(cells.groupby("animal")["value"].mean()))
    assert figure.axes[0].get_xticklabels()[1].get_text() == "ECKO\nn = 4\n80 cells"
    for mark, gid in (("cell", "endomtor-cells"), ("animal", "endomtor-animal")):
        drawn = [line.get_ydata() for line in lines if line.get_gid() == gid]
        np.testing.assert_allclose(values_of(table, "value", mark=mark), np.sort(np.concatenate(drawn)), atol=apart)
    assert table.iloc[0][["mark", "group", "against", "adjusted p"]].tolist() == ["comparison", "ecko", "control", 0.04]


def test_courses_and_their_table_hold_a_line_per_animal_and_refuse_two_values_at_one_time():
    frame = pd.concat(
        animals({"young": 4, "aged": 5}, seed=10 * day + level).assign(day=day, panel=level)
        for day in (0, 7)
        for level in (1, 2)
    )
    frame["exposed"] = frame["animal"].str.replace("-[01]$", "-first", regex=True)
    about = BY | {"time": "day", "unit": "exposed", "order": ["young", "aged"], "xlabel": "days", "scale": "logit"}
    about |= {"ylabel": "chimerism (%)", "facet": "panel", "titles": {1: "passage 1", 2: "passage 2"}}
    figure, table, _ = figures.courses(frame, **about)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["young, n = 3", "aged, n = 4"]
    for axes, title in zip(figure.axes, about["titles"].values(), strict=True):
        own = table[table["quantity"] == f"chimerism (%), {title}"]
        thin = [line.get_ydata() for line in axes.lines if line.get_gid() == "endomtor-animal"]
        bold = [line.get_ydata() for line in axes.lines if line.get_gid() != "endomtor-animal"]
        assert len(thin) == 9
        np.testing.assert_allclose(values_of(own, "value, logit", mark="animal"), np.sort(np.concatenate(thin)))
        np.testing.assert_allclose(values_of(own, "value, logit", mark="mean"), np.sort(np.concatenate(bold)))
    assert set(table["days"]) == {0, 7}
    assert table["value on the axis"].between(0, 100).all()
    with pytest.raises(UnitError):
        figures.courses(pd.concat([frame, frame]), **about)


def test_courses_of_subsamples_count_units_and_average_their_means():
    rows = [("r1", "e1", 0.0), ("r2", "e1", 2.0), ("r3", "e2", 5.0)]
    frame = pd.DataFrame(rows, columns=["animal", "exposed", "value"]).assign(group="ecko", week=16, passage=1)
    about = {
        "time": "week",
        "unit": "exposed",
        "order": GROUPS,
        "xlabel": "week",
        "ylabel": "value",
        "facet": "passage",
    }
    figure = figures.courses(frame, titles={1: "passage 1"}, **BY, **about).figure
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ECKO, n = 2"]
    assert figure.axes[0].lines[-1].get_ydata() == [3.0]


def test_a_composition_and_its_table_hold_a_bar_per_animal_and_part_and_the_balance():
    frame = animals({"young": 4, "aged": 6}, base=0.0).assign(m=np.arange(10.0, 20), b=50.0)
    frame["t"] = 50 - frame["m"]
    about = {"parts": {"m": "myeloid", "b": "B", "t": "T"}, "animal": "animal", "group": "group", "order": GROUPS}
    about |= {"balance": "value", "balance_label": "balance", "estimates": {("aged", "young"): estimate()}}
    figure, table, _ = figures.composition(frame, **about)
    bars = figure.axes[0].patches
    assert len(bars) == 30
    assert sorted(bar.get_y() + bar.get_height() for bar in bars)[-20:] == pytest.approx(
        sorted([*(frame["m"] + 50), *[100] * 10])
    )
    assert max(drawn_points(axes) for axes in figure.axes) == 10
    heights = table.loc[table["mark"] == "animal", ["myeloid, %", "B, %", "T, %"]].to_numpy().ravel()
    np.testing.assert_allclose(np.sort(heights), sorted(bar.get_height() for bar in bars))
    assert table.loc[0, ["mark", "value"]].tolist() == ["difference", 0.5]


def test_a_dilution_plot_and_its_table_hold_donors_and_single_hit_lines():
    frame = pd.DataFrame({"donor": list("aabbccdd"), "dose": [100, 1000] * 4, "tested": 10})
    frame = frame.assign(group=["young"] * 4 + ["aged"] * 4, positive=[2, 9, 3, 10, 1, 5, 0, 10])
    about = {"group": "group", "donor": "donor", "order": ["young", "aged", "ecko"], "xlabel": "cells injected"}
    about["frequencies"] = {"young": (2e-3, 1e-3, 3e-3), "aged": (6e-4, 0, np.inf)}
    figure, table, _ = figures.limiting_dilution(frame, **about)
    axes = figure.axes[0]
    points = offsets(axes)
    assert len(points) == 8
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.exp(-axes.lines[0].get_xdata() * 2e-3))
    shown = values_of(table, "recipients without a graft, %", mark="donor")
    # Where all have a graft the logarithm has no place, and the two points stand at the edge.
    np.testing.assert_allclose(shown[2:], np.sort(100 * points[:, 1].astype(float))[2:])
    lines = table[table["mark"] == "single-hit line"]
    assert lines[["group", "frequency per cell"]].to_numpy().tolist() == [["young", 2e-3], ["aged", 6e-4]]
    assert np.isinf(lines["95 % to"].iloc[1])
    assert table["cells injected"].dropna().tolist() == frame["dose"].tolist()


def test_genes_are_all_drawn_and_in_the_table():
    rng = np.random.default_rng(5)
    genes = pd.DataFrame({"log2fc": rng.normal(0, 1, 60), "p_adjusted": rng.uniform(0, 0.2, 60)})
    genes.index = [f"G{place}" for place in range(60)]
    genes.iloc[:2, 1] = [np.nan, 0.0]
    about = {"contrast": ("ecko", "control"), "n": {"ecko": 3, "control": 4}, "label": ["G1", "G2", "none"]}
    figure, table, _ = figures.volcano(genes, **about)
    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} == {"G1", "G2"}
    change = "log2 fold change, ECKO − control"
    np.testing.assert_allclose(values_of(table, change), np.sort(offsets(axes)[:, 0].astype(float)))
    assert len(table) == genes["p_adjusted"].notna().sum()
    assert table["adjusted p"].is_monotonic_increasing
    coloured = {one.get_label(): len(one.get_offsets()) for one in axes.collections if "higher in" in one.get_label()}
    counts = table["higher in"].value_counts()
    assert coloured == {
        f"{counts['ecko']} higher in ECKO (n = 3)": counts["ecko"],
        f"{counts['control']} higher in control (n = 4)": counts["control"],
    }
    pair = pd.DataFrame({"x": rng.normal(size=9), "y": rng.normal(size=9)}, index=[f"g{place}" for place in range(9)])
    about = {"x": "x", "y": "y", "xlabel": "one", "ylabel": "other", "slope": estimate(), "label": ["g1"]}
    figure, table, _ = figures.lfc_scatter(pair, **about)
    np.testing.assert_allclose(np.sort(pair["y"]), np.sort(offsets(figure.axes[0])[:, 1].astype(float)))
    np.testing.assert_allclose(values_of(table, "other", mark="gene"), np.sort(pair["y"]))
    assert table.loc[0, ["mark", "slope", "95 % from", "95 % to"]].tolist() == ["line", 0.5, 0.1, 0.9]


def test_a_map_shows_its_squares_and_its_table_holds_each_at_its_far_corner():
    matrix = np.arange(6.0).reshape(2, 3)
    figure, table, _ = figures.rrho_map(matrix, xlabel="a", ylabel="b", genes=600, value_label="−ln p")
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), matrix)
    assert table.to_numpy().tolist() == [
        *([200.0, 300.0, 0.0], [400.0, 300.0, 1.0], [600.0, 300.0, 2.0]),
        *([200.0, 600.0, 3.0], [400.0, 600.0, 4.0], [600.0, 600.0, 5.0]),
    ]


def test_a_forest_writes_each_form_of_interval_and_its_table_holds_rows_and_dots():
    rows = [
        ("a", 0.5, 0.2, 0.8, "bounded", None),
        ("b", 0.5, 0.2, np.inf, "upper_unbounded", None),
        ("c", 0.5, -np.inf, 0.8, "lower_unbounded", None),
        ("d", 0.5, -np.inf, np.inf, "whole_line", None),
        ("e", 2.0, -1.0, 1.5, "two_piece", None),
        ("f", np.nan, -np.inf, 2.0, "lower_unbounded", "no aging effect seen"),
    ]
    frame = pd.DataFrame(rows, columns=["label", "estimate", "low", "high", "interval_kind", "note"])
    dots = pd.DataFrame({"label": ["a"] * 12, "value": np.linspace(0, 1, 12)})
    about = {"xlabel": "φ", "references": {0: "young", 1: "aged"}, "smallest": 0.25}
    figure, table, _ = figures.forest(frame, dots=dots, **about)
    printed = [text.get_text() for text in figure.axes[0].texts]
    for words in ("[0.20, 0.80]", "from 0.20", "up to 0.80", "any value", "≤ −1.00 or ≥ 1.50", "young", "aged"):
        assert any(words in text for text in printed), words
    np.testing.assert_allclose(np.sort(offsets(figure.axes[0])[:, 0]), dots["value"])
    np.testing.assert_allclose(values_of(table, "value", mark="dot"), dots["value"])
    estimates = table[table["mark"] == "estimate"]
    assert estimates.iloc[0][["label", "quantity", "value", "95 % from", "95 % to"]].tolist() == [
        *("a", "φ", 0.5, 0.2, 0.8)
    ]
    assert table.set_index("label").at["f", "note"] == "no aging effect seen"
    with pytest.raises(ValueError, match="label 'z'"):
        figures.forest(frame, dots=pd.DataFrame({"label": ["z"], "value": [0.0]}), **about)


def pieces(low, high):
    return [(-1, intervals.ENDLESS), (low, intervals.LIMIT), (high, intervals.LIMIT), (2, intervals.ENDLESS)]


@pytest.mark.parametrize(
    ("kind", "low", "high", "expected"),
    [
        ("bounded", 0.2, 0.8, [(0.2, intervals.LIMIT), (0.8, intervals.LIMIT)]),
        ("bounded", -9, 9, [(-1, intervals.BEYOND), (2, intervals.BEYOND)]),
        ("bounded", 0.2, 9, [(0.2, intervals.LIMIT), (2, intervals.BEYOND)]),
        ("upper_unbounded", 0.2, np.inf, [(0.2, intervals.LIMIT), (2, intervals.ENDLESS)]),
        ("upper_unbounded", -9, np.inf, [(-1, intervals.BEYOND), (2, intervals.ENDLESS)]),
        ("lower_unbounded", -np.inf, 0.8, [(-1, intervals.ENDLESS), (0.8, intervals.LIMIT)]),
        ("whole_line", np.nan, np.nan, [(-1, intervals.ENDLESS), (2, intervals.ENDLESS)]),
        ("two_piece", -0.5, 1.5, pieces(-0.5, 1.5)),
        # Of a piece beyond the axis the head alone is seen: phi <= -26 or >= 0.34 is not "above 0.34".
        ("two_piece", -26, 0.34, pieces(-0.97, 0.34)),
        ("two_piece", -0.5, 26, pieces(-0.5, 1.97)),
        ("two_piece", -26, 26, pieces(-0.97, 1.97)),
        ("bounded", 3, 4, [(1.97, intervals.LIMIT), (2, intervals.BEYOND)]),
    ],
)
@pytest.mark.parametrize("vertical", [False, True])
def test_intervals_end_in_arrows_where_they_go_on(kind, low, high, expected, vertical):
    axes = plt.figure().add_subplot()
    intervals.draw(axes, 0, 0.5, low, high, kind, limits=(-1, 2), colour="k", vertical=vertical)
    ends, heads = zip(*[(text.xy[int(vertical)], text.arrowprops["arrowstyle"]) for text in axes.texts], strict=True)
    assert ends == pytest.approx([end for end, _ in expected])
    assert heads == tuple(head for _, head in expected)
    # Each half is drawn from the middle of its piece, so that every head points away from the set.
    towards = [np.sign(text.xy[int(vertical)] - text.xyann[int(vertical)]) for text in axes.texts]
    assert towards == [-1, 1] * (len(expected) // 2)


def test_scales_print_the_original_units():
    axes = plt.figure().add_subplot()
    axes.set_ylim(np.log2(9), np.log2(45))
    scales.read_values(axes.yaxis, scales.find("log2"))
    ticks = axes.yaxis.get_majorticklocs()
    assert len(ticks) >= 3
    assert [axes.yaxis.get_major_formatter()(t) for t in ticks] == [f"{2**t:.0f}" for t in ticks]
    axes.set_ylim(np.log(0.4), np.log(1.7))
    scales.read_differences(axes.yaxis, scales.find("logit"))
    assert np.any(np.isclose(axes.yaxis.get_majorticklocs(), 0)), "the ratio 1 must be marked"
    # Where a logit axis nears an end, the numbers go where its room is.
    axes.set_ylim(*scales.find("logit").analysed(np.array([3, 96])))
    scales.read_values(axes.yaxis, scales.find("logit"))
    ticks = axes.yaxis.get_majorticklocs()
    assert [axes.yaxis.get_major_formatter()(t) for t in ticks] == ["5", "10", "20", "50", "80", "90", "95"]
    with pytest.raises(ValueError, match="log10"):
        scales.find("log10")


def rates_of(*rows):
    columns = ["scenario", "rate", "nominal", "limit", "judgement", "claim"]
    return pd.DataFrame(rows, columns=columns).assign(id="C1", measure="false support", of=200)


def test_error_rates_draw_each_rule_at_its_rate_and_count_the_broken():
    frame = rates_of(
        ("edge", 0.02, 0.025, 0.04, "holds", False),
        ("edge", 0.06, 0.025, 0.04, "beyond its limit", False),
        ("null", 0.001, 0.025, 0.05, "conservative", True),
        ("survivor", 0.9, np.nan, np.nan, "no level", False),
    )
    figure = figures.error_rates(frame, rows=["survivor", "none", "null", "edge"], xlabel="%").figure
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["survivor", "null", "edge"]
    low, high = axes.get_xlim()
    found = {tuple(point) for point in np.round(offsets(axes), 6)}
    # The rate without a nominal level does not stretch the axis: an arrow stands at its end.
    assert found == {(2.0, 2.0), (6.0, 2.0), (0.1, 1.0), (round(high, 6), 0.0)}
    assert low < 0.1
    assert 6 < high < 10
    assert [text.get_text() for text in axes.texts] == ["–", "0 of 1", "1 of 2", "beyond"]
    shades = {(round(one.get_x(), 6), round(one.get_width(), 6), one.get_y()) for one in axes.patches}
    assert shades == {(2.5, 1.5, 1.5), (2.5, 2.5, 0.5)}
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        *("within its limits", "more careful than its level", "beyond its limit", "no nominal level"),
        "diamond: rule of a claim",
    ]


def test_judgements_are_told_apart_without_colour():
    rows = [("a", 0.01 * i, 0.025, 0.04, one, claim) for i, (one, claim) in enumerate(
        [("holds", False), ("conservative", False), ("beyond its limit", False), ("no level", False), ("holds", True)]
    )]  # fmt: skip
    axes = figures.error_rates(rates_of(*rows), rows=["a"], xlabel="%").figure.axes[0]
    looks = {
        (one.get_paths()[0].vertices.tobytes(), contrast(one.get_facecolor()[0][:3], style.PAGE) > 1.1)
        for one in axes.collections
    }
    assert len(looks) == 5


def test_dots_of_one_rate_are_heaped_in_their_row_and_too_many_are_counted():
    five = rates_of(*[("a", 0.03, 0.025, 0.06, "holds", False)] * 5)
    alone = figures.error_rates(five, rows=["a"], xlabel="%").figure
    points = offsets(alone.axes[0])
    assert len(np.unique(points[:, 1].round(6))) == 5
    assert abs(points[:, 1]).max() < 0.5
    rows = [("a", 0.0, 0.025, 0.06, "conservative", False)] * 40 + [("a", 0.0, 0.025, 0.06, "holds", True)] * 2
    heaped = figures.error_rates(rates_of(*rows), rows=["a"], xlabel="%").figure.axes[0]
    assert len(offsets(heaped)) == 3
    assert "×40" in [text.get_text() for text in heaped.texts]


def test_the_number_beside_the_first_heap_has_room_inside_the_axis():
    rows = [("a", 0.0, 0.025, 0.06, "conservative", False)] * 40
    figure = figures.error_rates(rates_of(*rows), rows=["a"], xlabel="%").figure
    publish.mark(figure, SIMULATED)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    (number,) = [text for text in axes.texts if text.get_text() == "×40"]
    assert number.get_window_extent().x0 > axes.get_window_extent().x0


def test_error_rates_refuse_a_scenario_without_a_row():
    with pytest.raises(ValueError, match="'edge', expected one of null"):
        figures.error_rates(rates_of(("edge", 0.02, 0.025, 0.04, "holds", False)), rows=["null"], xlabel="%")


def test_pairs_draw_both_rates_with_their_intervals_and_print_them():
    numbers = {"wrong_low": 0.5, "wrong_high": 0.7, "right_low": 0.03, "right_high": 0.07}
    frame = pd.DataFrame(
        [{"label": "cells as n", "wrong": 0.6, "right": 0.048} | numbers]
        + [{"label": "no twin", "wrong": 0.9, "right": np.nan} | numbers | {"right_low": np.nan, "right_high": np.nan}]
    )
    axes = figures.pairs(frame, xlabel="%", line=0.05, words=("wrong", "right")).figure.axes[0]
    drawn = {tuple(np.round(line.get_xdata(), 6)) for line in axes.lines}
    assert {(60.0,), (4.8,), (50.0, 70.0), (3.0, 7.0), (5.0, 5.0), (90.0,)} <= drawn
    printed = [text.get_text() for text in axes.texts]
    assert printed == ["cells as n", "60 % against 4.8 %", "no twin", "90 % against no p"]


def test_the_p_that_is_given_is_the_p_that_is_drawn():
    """statannotations' own correction would draw the raw p; the adjusted one is twice the raw one here."""
    raw = {("aged", "young"): 0.013, ("ecko", "control"): 0.021}
    adjusted = {pair: 2 * p for pair, p in raw.items()}
    figure = one_estimation(dict.fromkeys(GROUPS, 5), pvalues=adjusted)
    texts = {text.get_text() for text in figure.axes[1].texts}
    assert texts == {"p = 0.026 (adj.)", "p = 0.042 (adj.)"}


def test_a_tiny_p_is_a_bound_and_an_absent_group_has_none():
    pvalues = {("aged", "young"): 1e-9, ("ecko", "control"): 0.5}
    figure = one_estimation({"young": 5, "aged": 5}, pvalues=pvalues)
    assert [text.get_text() for text in figure.axes[1].texts] == [f"{p_text(1e-9)} (adj.)"]


def test_the_tables_of_rates_hold_each_mark():
    frame = rates_of(
        ("edge", 0.02, 0.025, 0.04, "holds", False), ("null", 0.06, 0.025, 0.04, "beyond its limit", True)
    ).assign(id=["C1", "C2"])
    about = {"rows": ["null", "edge"], "xlabel": "%"}
    table = figures.error_rates(frame, **about).table
    assert table["rule"].tolist() == ["C2", "C1"]
    np.testing.assert_allclose(
        np.sort(offsets(figures.error_rates(frame, **about).figure.axes[0])[:, 0]),
        np.sort(100 * table["rate, share of cohorts"]),
    )
    numbers = {"wrong_low": 0.5, "wrong_high": 0.7, "right_low": 0.03, "right_high": 0.07}
    one = pd.DataFrame([{"label": "cells as n", "wrong": 0.6, "right": 0.048} | numbers])
    table = figures.pairs(one, xlabel="%", line=0.05, words=("tempting", "sound")).table
    assert table.iloc[0].tolist() == ["cells as n", 0.6, 0.5, 0.7, 0.048, 0.03, 0.07]
    assert list(table.columns)[1:3] == ["tempting, share of cohorts", "tempting, 95 % from"]


def test_the_table_of_a_robustness_figure_holds_each_variant():
    rows = [
        {"kind": "full", "choice": "all data", "estimate": 0.5, "holds": True, "unread": ""},
        {"kind": "unit", "choice": "animal a left out", "estimate": 0.4, "holds": False, "unread": ""},
        {"kind": "test", "choice": "permutation", "estimate": np.nan, "holds": True, "unread": "nothing to test"},
    ]
    frame = pd.DataFrame(rows).assign(label="HSC", note="stays", smallest=0.25, low=0.1, high=0.9)
    frame["interval_kind"] = ["bounded", None, None]
    table = figures.robustness(frame, xlabel="phi", references={0: "young"}).table
    assert table["kind"].tolist() == ["all data", "one left out", "another choice"]
    assert table["verdict holds"].tolist() == ["yes", "no", "yes"]
    assert table["value"].tolist()[:2] == [0.5, 0.4]
    assert table["in place of an estimate"].tolist() == ["", "", "nothing to test"]


def shown(**more):
    arguments = {"caption": "Unit: animal; n = 3 v 3.", "alt": "Three animals.", "provenance": SIMULATED}
    arguments |= {"data": pd.DataFrame({"animal": ["a1", "a2"], "value": [0.1 + 0.2, 2]}), "name": "fig-hsc"}
    with capture_output() as captured:
        figures.show(one_estimation({"young": 3, "aged": 3}), **(arguments | more))
    (output,) = captured.outputs
    return output


def test_show_publishes_one_output_with_caption_alt_name_and_data_and_closes_the_figure():
    output = shown()
    assert set(output.data) == {"image/png", "text/plain"}
    assert output.data["text/plain"] == "SIMULATED · world “paper”, seed 7 · numbers assumed. Three animals."
    assert output.metadata["endomtor"] == {
        "caption": "Unit: animal; n = 3 v 3. Simulated data: world “paper”, seed 7.",
        "alt": "SIMULATED · world “paper”, seed 7 · numbers assumed. Three animals.",
        "name": "fig-hsc",
        "data": "animal,value,provenance,world,seed\na1,0.30000000000000004,simulated,paper,7\n"
        "a2,2.0,simulated,paper,7\n",
        "numbers": ["value", "seed"],
        "origin": {"kind": "simulated", "label": "SIMULATED · world “paper”, seed 7 · numbers assumed"},
    }
    assert plt.get_fignums() == []
    with Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))) as image:
        image = image.convert("RGBA")
        assert image.width == 1100
        assert image.getpixel((0, 0))[3] < 60, "the corner is cut away"
        middle = image.getpixel((image.width // 2, image.height - 12))
        assert middle[3] == 255, "the page is opaque"
        assert min(middle[:3]) > 240, "the page is nearly white"


@pytest.mark.parametrize("field", ["caption", "alt"])
@pytest.mark.parametrize("empty", ["", "  \n"])
def test_show_refuses_an_empty_caption_or_alt(field, empty):
    with pytest.raises(ValueError, match="needs an? (caption|alt text)"):
        shown(**{field: empty})


def test_show_refuses_a_figure_drawn_outside_of_the_house():
    with pytest.raises(ValueError, match="house"):
        figures.show(
            plt.figure(), caption="c", alt="a", provenance=SIMULATED, data=pd.DataFrame({"a": [1]}), name="fig-a"
        )


def test_a_caption_cannot_smuggle_markup_into_the_page():
    hostile = Provenance("measured", "<script>alert(1)</script> [x](javascript:1) {raw}`y`", "doi", "0")
    caption = shown(provenance=hostile, caption="p < 0.05").metadata["endomtor"]["caption"]
    assert "<" not in caption
    assert r"\[x\](javascript:1)" in caption
    assert r"\{raw\}\`y\`" in caption


@pytest.mark.parametrize(
    ("provenance", "words", "hatch"),
    [
        (SIMULATED, "SIMULATED · world “paper”, seed 7 · numbers assumed", "////"),
        (PUBLIC, "PUBLIC · GSE162607 · frozen table", None),
        (MEASURED, "MEASURED · Smith laboratory", None),
        (EXAMPLE, "EXAMPLE · Format · invented to show the format", ".."),
    ],
)
def test_the_mark_carries_the_words_and_the_pattern(provenance, words, hatch):
    figure = one_estimation({"young": 3, "aged": 3})
    before = figure.get_size_inches()[1]
    publish.mark(figure, provenance)
    (text,) = [text for text in figure.texts if text.get_gid() == "endomtor-mark"]
    assert text.get_text() == words
    page, band = figure.patches
    assert band.get_hatch() == hatch
    assert figure.get_size_inches()[1] > before
    figure.draw_without_rendering()
    lowest = band.get_window_extent().y0
    assert all(axes.get_tightbbox().y1 <= lowest for axes in figure.axes), "nothing lies under the band"
    # Text on its band: WCAG 1.4.3 asks for 4.5.
    assert contrast(mpl.colors.to_hex(text.get_color()), mpl.colors.to_hex(band.get_facecolor())) >= 4.5


def test_a_long_label_is_broken_inside_the_band():
    figure = one_estimation({"young": 3, "aged": 3})
    publish.mark(figure, Provenance("public", "A very long title " * 9, "doi", "0"))
    figure.draw_without_rendering()
    box, band = figure.texts[-1].get_window_extent(), figure.patches[1].get_window_extent()
    assert band.x0 < box.x0
    assert box.x1 < band.x1
    assert band.y0 < box.y0
    assert box.y1 < band.y1


def test_a_legend_lies_below_the_band_and_above_the_axes():
    frame = animals({"vehicle": 5, "rapamycin": 6}).assign(day=1, analyte="WBC")
    frame["mouse"] = frame["animal"]
    about = {
        "time": "day",
        "order": ["vehicle", "rapamycin"],
        "xlabel": "day",
        "ylabel": "WBC (10³/µL)",
        "unit": "mouse",
    }
    figure = figures.courses(frame, facet="analyte", titles={"WBC": "WBC"}, **BY, **about).figure
    publish.mark(figure, SIMULATED)
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert legend.y1 <= figure.patches[1].get_window_extent().y0
    assert figure.axes[0].get_window_extent().y1 <= legend.y0


def test_the_last_digits_of_the_layout_do_not_reach_the_figure(monkeypatch):
    """Its solver differs in them from process to process, and with them points of a swarm changed sides."""
    values = np.repeat([1.0, 1.02, 1.5, 1.52, 2.0, 2.02], 2)
    frame = pd.DataFrame({"animal": [f"m{n}" for n in range(24)], "group": ["young"] * 12 + ["aged"] * 12})
    frame["value"] = np.r_[values, values + 0.3]
    lay_out, chance = layout_engine.do_constrained_layout, np.random.default_rng(1)
    drawn, places = set(), set()

    def unsteady(figure, **options):
        done = lay_out(figure, **options)
        for axes in figure.axes:
            axes._set_position(axes.get_position(original=True).translated(*chance.uniform(-1e-13, 1e-13, 2)))
        return done

    monkeypatch.setattr(layout_engine, "do_constrained_layout", unsteady)
    for _ in range(8):
        with style.house():
            figure = plt.figure(figsize=(6.4, 3))
            axes = figure.add_subplot()
            sns.swarmplot(frame, x="value", y="group", size=6, ax=axes)
        publish.mark(figure, SIMULATED)
        drawn.add(publish._png(figure))
        places.add(axes.get_position().bounds)
    assert len(places) == len(drawn) == 1


def test_png_bytes_are_the_same_each_time_and_say_nothing_of_the_machine():
    first, second = (base64.b64decode(shown().data["image/png"]) for _ in range(2))
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert not {"Software", "Creation Time"} & set(image.info)


def test_a_colour_scale_keeps_its_colours():
    ramp = figures.rrho_map(np.linspace(-1, 1, 4096).reshape(64, 64), xlabel="a", ylabel="b", genes=100).figure
    with Image.open(io.BytesIO(publish._png(ramp))) as image:
        assert len(image.getcolors(2**24)) > 300
        assert "Software" not in image.info


def test_the_style_ends_with_its_context_and_import_changes_nothing():
    before = dict(mpl.rcParams)
    with figures.house():
        assert mpl.rcParams["text.parse_math"] is False
    assert dict(mpl.rcParams) == before
    importlib.reload(style)
    assert dict(mpl.rcParams) == before


def test_names_from_spreadsheets_are_text_not_formulas():
    figure = one_estimation({"young": 3, "aged": 3}, ylabel=r"a $\frac{1}$ label")
    publish.mark(figure, MEASURED)
    assert publish._png(figure)


# Machado, Oliveira & Fernandes 2009 (doi 10.1109/TVCG.2009.113), severity 1, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "deuteranope": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "protanope": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
    "tritanope": np.array([[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]]),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    rgb = np.array(mpl.colors.to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    x, y, z = TO_XYZ @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


DARK = np.array(mpl.colors.to_rgb("#14181e"))
"""The theme's dark page."""
# CSS's hue-rotate(180deg).
ROTATED = np.array([[-0.574, 1.430, 0.144], [0.426, 0.430, 0.144], [0.426, 1.430, -0.856]])


def on_dark(colour):
    """Return a colour as the style sheet shows it on a dark page: inverted, its hue turned back, screened."""
    turned = np.clip(ROTATED @ (1 - np.array(mpl.colors.to_rgb(colour))), 0, 1)
    return 1 - (1 - turned) * (1 - DARK)


THEMES = {"light": mpl.colors.to_rgb, "dark": on_dark}


def test_the_style_sheet_turns_figures_dark_as_is_computed_here():
    rules = (ROOT / "book" / "_static" / "endomtor.css").read_text(encoding="utf-8")
    assert "filter: invert(1) hue-rotate(180deg);\n    mix-blend-mode: screen;" in rules


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_groups_stay_apart_for_every_sight(sight, theme):
    seen = {group: lab(SIGHT[sight] @ linear(THEMES[theme](colour))) for group, colour in style.COLOURS.items()}
    for one, other in itertools.combinations(seen, 2):
        together = {one, other} <= set(GROUPS) or {one, other} == {"vehicle", "rapamycin"}
        distance = np.linalg.norm(seen[one] - seen[other])
        # Markers tell groups apart as well.
        enough = {"light": 25, "dark": 23}[theme] if together else 15
        assert distance >= enough, f"{one} and {other}: {distance:.0f}"


@pytest.mark.parametrize("theme", THEMES)
def test_groups_have_contrast_on_the_page_and_markers_of_their_own(theme):
    shown = THEMES[theme]
    for group, colour in style.COLOURS.items():
        assert contrast(shown(colour), shown(style.PAGE)) >= 3, group
    for words in (style.INK, style.QUIET):
        assert contrast(shown(words), shown(style.PAGE)) >= 4.5
    for band in publish._BANDS.values():
        ink = "white" if band["facecolor"] == publish._BANDS["measured"]["facecolor"] else style.INK
        assert contrast(shown(ink), shown(band["facecolor"])) >= 4.5
    assert len(set(style.MARKERS.values())) == len(style.MARKERS) == len(style.COLOURS)


def published_table(frame, **more):
    with capture_output() as captured:
        figures.table(frame, **({"caption": "Unit: animal."} | more))
    (output,) = captured.outputs
    return output


def test_a_table_is_inert_scoped_and_formatted():
    frame = pd.DataFrame(
        {
            "<b>animal</b>": ["<script>alert(1)</script>", "m2", "m3"],
            "value": [1234.5678, -0.00012345, np.nan],
            "ratio": [0.5, 999.6, np.inf],
            "n": [12000, 3, 4],
        }
    )
    output = published_table(frame, caption="p < 0.05 & more", provenance=SIMULATED, formats={"n": "d"}, name="t1")
    html = output.data["text/html"]
    assert "<script>" not in html
    assert "<b>" not in html
    assert '<th scope="row" class="endomtor-short">&lt;script&gt;alert(1)&lt;/script&gt;</th>' in html
    assert html.count('scope="col"') == 4
    assert '<div class="endomtor-table" role="region" tabindex="0" aria-label="p &lt; 0.05 &amp; more">' in html
    assert html.index("<figcaption>") < html.index('role="region"')
    assert '<span class="endomtor-mark endomtor-mark-simulated">SIMULATED' in html
    cells = {"1,235", "−1.2e−04", "–", "0.5", "1,000", "∞", "12000"}
    for cell in cells:
        assert re.search(f'<td class="endomtor-number" data-label="\\w+">{re.escape(cell)}</td>', html), cell
        assert cell in output.data["text/plain"]
    assert output.data["text/plain"].startswith("SIMULATED")
    assert output.metadata["endomtor"] == {"table": True, "name": "t1"}


def test_a_row_is_a_card_only_where_a_phone_has_no_room_for_it():
    narrow = published_table(pd.DataFrame({"trait": ["HSC"], "n": [3]}), caption="Two columns", name="t1")
    assert "data-label" not in narrow.data["text/html"]
    assert "endomtor-cards" not in narrow.data["text/html"]
    wide = pd.DataFrame({"trait": ["HSC"], "95 %": ["−0.19 to 0.27"], "verdict": ["rightly silent"], "10^3/uL": [3]})
    html = published_table(wide, caption="In 10^3/uL", name="t2").data["text/html"]
    assert '<table class="endomtor-cards">' in html
    assert '<td class="endomtor-number" data-label="10³/µL">3</td>' in html
    assert "uL" not in html


def test_text_breaks_in_a_table_that_is_wider_than_a_page():
    interval, name = "−0.19 to 0.27", "twenty-five characters ..."
    few, many = pd.DataFrame({"a": [name], "b": [interval]}), pd.DataFrame([[name] * 4 + [interval]])
    assert published_table(few, caption="c", name="t1").data["text/html"].count("endomtor-short") == 4
    broken = published_table(many.rename(columns=str), caption="c", name="t2").data["text/html"]
    assert f'<td class="endomtor-short" data-label="4">{interval}</td>' in broken
    assert broken.count("endomtor-short") == 2


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("WBC, 10^3/uL", "WBC, 10³/µL"),
        ("10^6/uL", "10⁶/µL"),
        ("vessels/mm2", "vessels/mm²"),
        ("ug dye/g", "µg dye/g"),
        ("10^-3 and 5 um2", "10⁻³ and 5 µm²"),
        ("u = 1 of 3, animal m2, C57BL/6J, x^2", "u = 1 of 3, animal m2, C57BL/6J, x^2"),
    ],
)
def test_units_are_printed_as_a_person_writes_them(written, read):
    assert publish.printed(written) == read


def test_a_figure_has_its_units_printed_and_no_name_of_a_column_in_its_alt_text():
    with figures.house():
        figure = figures.page(1.5)
        axes = figure.add_subplot()
        axes.set_ylabel("10^3/uL")
    with capture_output() as captured:
        publish.show(
            figure, caption="In 10^3/uL.", alt="femur_cellularity and p4EBP1_T37_46, 10^3/uL.", provenance=PUBLIC,
            data=pd.DataFrame({"a": [1]}), name="fig-a",
        )  # fmt: skip
    shown = captured.outputs[0].metadata["endomtor"]
    assert axes.get_ylabel() == "10³/µL"
    assert shown["caption"].startswith("In 10³/µL. Public data")
    assert shown["alt"] == f"{PUBLIC.label}. femur cellularity and p4EBP1 T37/46, 10³/µL."


def phis_of(*rows):
    return pd.DataFrame(rows, columns=["label", "estimate", "low", "high", "interval_kind", "note"])


def test_a_row_that_cannot_be_read_has_words_and_no_ink():
    """Unbounded sets were the longest lines of the forest."""
    read = ("HSC", 0.6, 0.3, 0.9, "bounded", None)
    unread = ("CLP", np.nan, -np.inf, np.inf, "whole_line", "no aging effect seen")
    look = {"xlabel": "φ", "references": {0: "young", 1: "aged"}}
    one, both = (figures.forest(phis_of(*rows), **look).figure for rows in ((read,), (read, unread)))
    arrows = [[text for text in figure.axes[0].texts if text.arrow_patch] for figure in (one, both)]
    assert len(arrows[0]) == len(arrows[1])
    assert "no aging effect seen" in {text.get_text() for text in both.axes[0].texts}
    assert len(figures.forest(phis_of(unread), **look).table) == 1


@pytest.mark.parametrize("plot", ["forest", "robustness"])
def test_lines_of_reference_leave_out_the_words(plot):
    """They struck through the labels of the rows."""
    if plot == "forest":
        rows = phis_of(*[(f"a long name of an endpoint, {k}", 0.6, 0.3, 0.9, "bounded", None) for k in range(3)])
        figure = figures.forest(rows, xlabel="φ", references={0: "young", 1: "aged"}, smallest=0.25).figure
    else:
        figure = figures.robustness(robustness_variants(), xlabel="φ", references={0: "young", 1: "aged"}).figure
    figure.draw_without_rendering()
    axes = figure.axes[0]
    words = [text.get_window_extent() for text in axes.texts if text.get_text() and not text.arrow_patch]
    uprights = [line for line in axes.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]
    assert uprights
    for line in uprights:
        low, high = sorted(line.get_transform().transform(line.get_xydata())[:, 1])
        for box in words:
            assert min(high, box.y1) - max(low, box.y0) < 2, (box, low, high)


def robustness_variants():
    rows = [("full", "all data", 0.6, True), ("unit", "animal 1", 0.55, True), ("test", "permutation", 0.5, False)]
    frame = pd.DataFrame(rows, columns=["kind", "choice", "estimate", "holds"])
    more = {"note": "supported: 2 of 2", "smallest": 0.25, "low": 0.3, "high": 0.9, "interval_kind": "bounded"}
    two = [frame.assign(label=label, unread="", **more) for label in ("HSC per femur", "CLP per femur")]
    return pd.concat(two, ignore_index=True)


def test_the_limits_of_a_narrow_interval_are_seen_beside_its_marker():
    with figures.house():
        axes = figures.page(2).add_subplot()
        axes.set(xlim=(0, 1), ylim=(0, 1))
        intervals.draw(axes, 0.5, 0.5, 0.499, 0.501, "bounded", limits=(0, 1), colour=style.INK)
    ticks = [line for line in axes.lines if line.get_marker() == "|"]
    (marker,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in ticks] == [0.499, 0.501]
    assert all(line.get_markersize() > marker.get_markersize() for line in ticks)


def test_animals_stand_by_name_not_by_value():
    """Sorted by value, bars and points showed a trend that is not there."""
    frame = animals({"young": 4}).assign(value=[0.4, 0.1, 0.3, 0.2], myeloid=[40.0, 10, 30, 20], b=[60.0, 90, 70, 80])
    drawn = figures.composition(
        frame, parts={"myeloid": "myeloid", "b": "B"}, animal="animal", group="group", order=["young"],
        balance="value", balance_label="balance", estimates={},
    ).figure  # fmt: skip
    bars = drawn.subfigs[0].axes[0].patches
    assert [bar.get_height() for bar in bars[:4]] == [40, 10, 30, 20]
    cells = pd.concat([frame.assign(value=frame["value"] + shift) for shift in (0, 0.01)])
    plot = figures.superplot(cells, **BY, order=["young"], ylabel="foci").figure
    means = [line.get_ydata()[0] for line in plot.axes[0].lines if line.get_gid() == "endomtor-animal"]
    assert np.allclose(means, frame["value"] + 0.005)


@pytest.mark.parametrize(("scale", "sign"), [("linear", "−"), ("log2", "/"), ("logit", "/")])
def test_a_ratio_is_no_difference(scale, sign):
    figure = one_estimation({"young": 4, "aged": 4}, scale=scale, estimates={("aged", "young"): estimate()})
    assert [text.get_text() for text in figure.axes[2].get_xticklabels()] == [f"aged\n{sign} young"]


def test_headings_stand_off_the_frame_however_long_the_names_beside_them():
    """They began at a fixed place left of the panels, which moved to the frame where the groups' names were short."""
    frame = animals({"young": 4, "aged": 4}).assign(endpoint="HSC")
    drawn = figures.estimation_grid(
        frame, **BY, endpoint="endpoint", order=["young", "aged"], estimates={"HSC": {("aged", "young"): estimate()}},
        titles={"HSC": "HSC, 10³ per femur"},
    ).figure  # fmt: skip
    publish.mark(drawn, SIMULATED)
    drawn.draw_without_rendering()
    (heading,) = [text for axes in drawn.axes for text in axes.texts if text.get_text().startswith("HSC")]
    assert heading.get_window_extent().x0 == pytest.approx(style.MARGIN * drawn.dpi, abs=2)


def test_three_panels_leave_no_quarter_empty():
    frames = [animals({"young": 3}, seed=k).assign(mouse=k, week=week, passage=k) for k in (1, 2, 3) for week in (4, 8)]
    look = {"xlabel": "weeks", "ylabel": "%", "unit": "mouse", "facet": "passage", "time": "week"}
    titles = {k: f"passage {k}" for k in (1, 2, 3)}
    figure = figures.courses(pd.concat(frames, ignore_index=True), **BY, order=["young"], titles=titles, **look).figure
    assert len(figure.axes) == 3
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "weeks", ""]
    assert all(axes.axison for axes in figure.axes)


def test_open_marks_of_a_dilution_are_explained():
    frame = pd.DataFrame({"group": "ecko", "donor": ["d1", "d2"], "dose": [100, 100], "tested": 5, "positive": [5, 2]})
    look = {"group": "group", "donor": "donor", "order": ["ecko"], "xlabel": "cells"}
    look |= {"frequencies": {"ecko": (0.01, 0.005, 0.02)}}
    assert "open" in figures.limiting_dilution(frame, **look).figure.axes[0].get_legend().get_texts()[0].get_text()
    assert figures.limiting_dilution(frame.assign(positive=2), **look).figure.axes[0].get_legend() is None


def test_a_slope_over_studies_has_no_colour_of_a_group():
    frame = pd.DataFrame({"x": [1.0, -1, 2], "y": [0.9, -1.2, 1.9]}, index=["A", "B", "C"])
    look = {"x": "x", "y": "y", "xlabel": "x", "ylabel": "y"}
    for n, wanted in (({"studies": 12}, style.INK), ({"ecko": 6, "young": 6}, style.COLOURS["ecko"])):
        slope = Estimate(1.0, 0.8, 1.2, (0.8, 1.2), 0.01, n, "animal", "test")
        drawn = figures.lfc_scatter(frame, slope=slope, **look)
        (line,) = [one for one in drawn.figure.axes[0].lines if one.get_label().startswith("slope 1.00")]
        assert line.get_color() == wanted
        assert drawn.interactive["lines"][-1]["colour"] == wanted


def test_numbers_of_heaps_stand_one_to_a_row():
    """Those of neighbouring heaps ran into one another."""
    rows = [
        ("null", rate, 0.025, 0.05, "holds", False) for rate in [0.0] * 20 + [0.001] * 15 + [0.02] * 14 + [0.021] * 13
    ]
    figure = figures.error_rates(rates_of(*rows), rows=["null"], xlabel="%").figure
    assert [text.get_text() for text in figure.axes[0].texts if text.get_text().startswith("×")] == ["×20"]


def test_a_figure_of_many_endpoints_stays_low():
    names = [f"population {k}" for k in range(6)]
    frame = pd.concat([animals(dict.fromkeys(GROUPS, 5)).assign(endpoint=k) for k in names], ignore_index=True)
    found = {name: {("aged", "young"): estimate()} for name in names}
    look = {"endpoint": "endpoint", "order": GROUPS, "estimates": found, "titles": {name: name for name in names}}
    assert figures.estimation_grid(frame, **BY, **look).figure.get_figheight() <= 10


def test_a_table_refuses_an_empty_caption_and_unknown_columns():
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(ValueError, match="caption"):
        figures.table(frame, caption=" ")
    with pytest.raises(ValueError, match="'b'.*expected one of a"):
        figures.table(frame, caption="c", formats={"b": ".2f"})
