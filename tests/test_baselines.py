"""How each plot kind looks, against a kept picture of it in `tests/baselines`; `make baselines` draws those again.

All frames here are invented test data.
"""

import inspect
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib import font_manager

from conftest import unlike
from endomtor import figures
from endomtor.figures import publish
from endomtor.files import write_bytes
from endomtor.provenance import Provenance
from test_figures import EXAMPLE, GROUPS, MEASURED, PUBLIC, SIMULATED, animals, estimate, rates_of
from test_repository import lock

BASELINES = Path(__file__).with_name("baselines")
DPI = 60
TOLERANCE = 0.2
"""Root mean square, of 255, by which a picture may differ from its baseline, over all pixels and channels.

One matplotlib draws the same figure with a difference of 0, or of a little where a processor rounds otherwise. One dot
of 2 pixels in another place makes 0.3, which is the least that a moved value makes in any of the kinds below.
"""


@dataclass(frozen=True)
class Kind:
    """What is drawn of a plot kind: a frame, the column in which a test moves one value, the mark it gets."""

    frame: pd.DataFrame
    column: str
    draw: Callable[[pd.DataFrame], figures.Drawn]
    provenance: Provenance = SIMULATED


def cells() -> pd.DataFrame:
    frame = animals({"control": 3, "ecko": 4}, seed=4)
    counts = np.random.default_rng(4).poisson(4, (12, len(frame)))
    return pd.concat([frame.assign(value=row) for row in counts], ignore_index=True)


def endpoints() -> pd.DataFrame:
    return pd.concat([animals(dict.fromkeys(GROUPS, 5), seed=k).assign(endpoint=k) for k in (1, 2)], ignore_index=True)


def weeks() -> pd.DataFrame:
    counts = {"vehicle": 4, "rapamycin": 5}
    frames = [
        animals(counts, seed=10 * passage + week, base=passage - week / 8).assign(week=week, passage=passage)
        for passage in (1, 2)
        for week in (4, 8, 16)
    ]
    return pd.concat(frames, ignore_index=True).assign(mouse=lambda own: own["animal"])


def lineages() -> pd.DataFrame:
    frame = animals({"young": 5, "aged": 5}, seed=6, base=0.0)
    myeloid = 25 + 20 * frame["value"] + 10 * (frame["group"] == "aged")
    return frame.assign(myeloid=myeloid, b=0.7 * (100 - myeloid), t=0.3 * (100 - myeloid))


def dilution() -> pd.DataFrame:
    rows = [
        (group, f"{group}-{donor}", dose, 10, positive + donor)
        for group, most in {"control": (1, 4, 8), "ecko": (0, 2, 6)}.items()
        for dose, positive in zip((1000, 3000, 9000), most, strict=True)
        for donor in (0, 1)
    ]
    return pd.DataFrame(rows, columns=["group", "donor", "dose", "tested", "positive"])


def genes() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    change = rng.normal(0, 1, 200)
    frame = pd.DataFrame({"log2fc": change, "other": 0.6 * change + rng.normal(0, 0.5, 200)})
    frame["p_adjusted"] = np.minimum(1, np.exp(-2 * np.abs(change)) * rng.uniform(0, 2, 200))
    frame["base_mean"] = 10 ** rng.uniform(0.5, 4, 200)
    return frame.set_axis([f"Gene{place}" for place in range(200)])


def overlap() -> pd.DataFrame:
    across, down = np.meshgrid(np.linspace(-1, 1, 12), np.linspace(-1, 1, 12))
    return pd.DataFrame(40 * across * down - 5)


def phis() -> pd.DataFrame:
    rows = [
        ("HSC per femur", 0.62, 0.31, 0.94, "bounded", None),
        ("colonies", 0.45, 0.12, np.inf, "upper_unbounded", None),
        ("myeloid share", 0.9, -0.3, 1.4, "two_piece", None),
        ("CLP", np.nan, -np.inf, np.inf, "whole_line", "no aging effect seen"),
    ]
    return pd.DataFrame(rows, columns=["label", "estimate", "low", "high", "interval_kind", "note"])


def variants() -> pd.DataFrame:
    rng = np.random.default_rng(10)
    rows = [("full", "all data", 0.6, True, "")]
    rows += [
        ("unit", f"animal {place}", 0.6 + step, step > -0.2, "") for place, step in enumerate(rng.normal(0, 0.1, 18))
    ]
    rows += [("test", "permutation", 0.2, False, ""), ("scale", "not on logarithms", np.nan, True, "nothing to test")]
    frame = pd.DataFrame(rows, columns=["kind", "choice", "estimate", "holds", "unread"])
    more = {"label": "HSC per femur", "note": "supported: 18 of 20", "smallest": 0.25, "low": 0.3, "high": 0.9}
    return frame.assign(**more, interval_kind="bounded")


def rates() -> pd.DataFrame:
    rows = [("null", 0.004 * place, 0.025, 0.05, "holds", place == 3) for place in range(9)]
    rows += [("null", 0.0, 0.025, 0.05, "conservative", False)] * 3
    rows += [("edge", 0.06, 0.025, 0.04, "beyond its limit", False), ("edge", 0.9, np.nan, np.nan, "no level", False)]
    return rates_of(*rows)


def twins() -> pd.DataFrame:
    rows = [
        ("cells as n", 0.61, 0.57, 0.65, 0.048, 0.03, 0.07),
        ("the best of five", 0.2, 0.16, 0.24, 0.05, 0.03, 0.08),
    ]
    return pd.DataFrame(rows, columns=["label", "wrong", "wrong_low", "wrong_high", "right", "right_low", "right_high"])


def deaths() -> pd.DataFrame:
    days = {"control": [4, 9, 20], "ecko": [3, 5, 8]}
    rows = [("5FU", group, day, 90 - 10 * place) for group, own in days.items() for place, day in enumerate(own)]
    return pd.DataFrame(rows, columns=["panel", "group", "day", "alive, %"])


ANIMALS = {"value": "value", "animal": "animal", "group": "group"}
CONTRASTS = {("aged", "young"): estimate(), ("ecko", "control"): estimate(0.2, -0.3, np.inf, "upper_unbounded")}
GENES = {"contrast": ("ecko", "control"), "n": {"ecko": 3, "control": 4}, "label": ["Gene7", "Gene50"]}

KINDS = {
    "estimation": Kind(
        animals(dict.fromkeys(GROUPS, 6)),
        "value",
        partial(
            figures.estimation, **ANIMALS, order=GROUPS, estimates=CONTRASTS, ylabel="HSC (10³ per femur)",
            scale="log2", pvalues={("aged", "young"): 0.013},
        ),
    ),
    "estimation_grid": Kind(
        endpoints(),
        "value",
        partial(
            figures.estimation_grid, **ANIMALS, endpoint="endpoint", order=GROUPS,
            titles={1: "WBC (10³/µL)", 2: "MPP (%)"},
            estimates={1: CONTRASTS, 2: {("aged", "young"): estimate(-0.4, -0.9, 0.1), ("ecko", "control"): None}},
        ),
        MEASURED,
    ),
    "survival": Kind(deaths(), "alive, %", figures.survival),
    "superplot": Kind(
        cells(),
        "value",
        partial(
            figures.superplot, **ANIMALS, order=["control", "ecko"], ylabel="foci per cell",
            pvalues={("ecko", "control"): 0.04},
        ),
    ),
    "courses": Kind(
        weeks(),
        "value",
        partial(
            figures.courses, **ANIMALS, time="week", order=["vehicle", "rapamycin"], xlabel="weeks", facet="passage",
            ylabel="chimerism (%)", unit="mouse", titles={1: "passage 1", 2: "passage 2"}, scale="logit",
        ),
        EXAMPLE,
    ),
    "composition": Kind(
        lineages(),
        "value",
        partial(
            figures.composition, parts={"myeloid": "myeloid", "b": "B", "t": "T"}, animal="animal", group="group",
            order=["young", "aged"], balance="value", balance_label="balance (ILR)",
            estimates={("aged", "young"): estimate()},
        ),
    ),
    "limiting_dilution": Kind(
        dilution(),
        "positive",
        partial(
            figures.limiting_dilution, group="group", donor="donor", order=["control", "ecko"], xlabel="cells injected",
            frequencies={"control": (1 / 5000, 1 / 8000, 1 / 3000), "ecko": (1 / 9000, 0, np.inf)},
        ),
    ),
    "volcano": Kind(genes(), "log2fc", partial(figures.volcano, **GENES), PUBLIC),
    "lfc_scatter": Kind(
        genes(),
        "other",
        partial(
            figures.lfc_scatter, x="log2fc", y="other", xlabel="aged − young", ylabel="ECKO − control",
            slope=estimate(0.6, 0.4, 0.8), label=["Gene7"],
        ),
        PUBLIC,
    ),
    "rrho_map": Kind(
        overlap(),
        0,
        lambda frame: figures.rrho_map(frame.to_numpy(), xlabel="aged − young", ylabel="ECKO − control", genes=12_000),
        PUBLIC,
    ),
    "forest": Kind(
        phis(),
        "estimate",
        partial(
            figures.forest, xlabel="φ", references={0: "young", 1: "aged"}, smallest=0.25,
            dots=pd.DataFrame({"label": ["HSC per femur"] * 3, "value": [0.4, 0.5, 0.8]}),
        ),
    ),
    "robustness": Kind(
        variants(), "estimate", partial(figures.robustness, xlabel="φ", references={0: "young", 1: "aged"})
    ),
    "error_rates": Kind(
        rates(), "rate", partial(figures.error_rates, rows=["null", "edge"], xlabel="false support (% of cohorts)")
    ),
    "pairs": Kind(
        twins(),
        "wrong",
        partial(figures.pairs, xlabel="false support (% of cohorts)", line=0.05, words=("tempting", "sound")),
    ),
}  # fmt: skip
"""Pictures by name: that of the function, and after a hyphen what is special where it draws in two ways."""


def picture(kind: Kind, frame: pd.DataFrame) -> bytes:
    """Return a small PNG of a plot as readers see it, with its provenance band."""
    drawn = io.BytesIO()
    figure = kind.draw(frame).figure
    publish.mark(figure, kind.provenance)
    with figures.house():
        figure.savefig(drawn, format="png", dpi=DPI, metadata={"Software": None})
    plt.close(figure)
    return drawn.getvalue()


def fault(name: str, drawn: bytes, folder: Path) -> str:
    """Return in what a picture differs from its baseline, as a sentence; empty where it does not."""
    return unlike(BASELINES / f"{name}.png", drawn, TOLERANCE, folder, "make baselines")


def one_moved(kind: Kind) -> pd.DataFrame:
    """Return the frame of a kind with the value of its first row where that farthest from it is."""
    values = kind.frame[kind.column]
    far = values.iloc[np.nanargmax((values - values.iloc[0]).abs())]
    frame = kind.frame.copy()
    frame.iloc[0, frame.columns.get_loc(kind.column)] = far
    return frame


# Each series of matplotlib draws letters in its own way: the baselines are those of the series in the lock.
SERIES = {version.rpartition(".")[0] for version, _ in lock()["matplotlib"]}
same_series = pytest.mark.skipif(
    mpl.__version__.rpartition(".")[0] not in SERIES,
    reason=f"matplotlib is {mpl.__version__}, the baselines are drawn by {', '.join(SERIES)}",
)


@same_series
@pytest.mark.parametrize("name", KINDS)
def test_a_plot_looks_as_its_baseline(name, tmp_path, pytestconfig):
    drawn = picture(KINDS[name], KINDS[name].frame)
    if pytestconfig.getoption("redraw_baselines"):
        write_bytes(BASELINES / f"{name}.png", drawn)
    assert not (found := fault(name, drawn, tmp_path)), found


@same_series
@pytest.mark.parametrize("name", KINDS)
def test_one_value_in_another_place_is_refused(name, tmp_path):
    found = fault(name, picture(KINDS[name], one_moved(KINDS[name])), tmp_path)
    assert found.startswith(f"{tmp_path / name}.png differs from {BASELINES / name}.png by ")


@same_series
def test_another_mark_of_provenance_is_refused(tmp_path):
    kind = KINDS["forest"]
    for other in (PUBLIC, MEASURED, EXAMPLE):
        assert fault("forest", picture(replace(kind, provenance=other), kind.frame), tmp_path)


def test_a_plot_without_a_baseline_is_refused(tmp_path):
    found = fault("unknown", b"", tmp_path)
    assert found == f"{BASELINES}/unknown.png is not there, {tmp_path}/unknown.png would be it: run `make baselines`."


def test_each_public_plot_and_each_mark_has_a_baseline_and_each_baseline_a_plot():
    plots = {
        name
        for name in figures.__all__
        if inspect.isfunction(function := getattr(figures, name))
        and inspect.signature(function).return_annotation is figures.Drawn
    }
    assert {name.partition("-")[0] for name in KINDS} == plots
    assert {path.stem for path in BASELINES.iterdir()} == set(KINDS)
    assert {publish.kind_of(kind.provenance) for kind in KINDS.values()} == set(publish._BANDS)


def test_the_house_style_writes_in_letters_that_matplotlib_brings():
    with figures.house():
        (family,) = mpl.rcParams["font.family"]
    for more in ({}, {"weight": "bold"}, {"style": "italic"}):
        found = font_manager.findfont(font_manager.FontProperties(family=family, **more), fallback_to_default=False)
        assert Path(found).is_relative_to(mpl.get_data_path())
