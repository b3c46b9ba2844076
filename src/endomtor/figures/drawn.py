"""What each plot draws as a table, one row per mark: for the fold-out below a figure and its CSV.

Each function takes the arguments of the plot of the same name, so that figure and table cannot tell two stories; those
that are only for the eye are ignored. Where
a mark has one value, the column `quantity` says what that is, with its unit, as the figure prints it, and the value's
column names the scale; where a mark has several values, each column's name says it. Estimates come first: a long table
is cut on the page.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from endomtor.estimate import Estimate
from endomtor.figures import scales, style
from endomtor.figures.animals import Contrast


def estimation(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    animal: str,
    order: Sequence[str],
    estimates: Mapping[Contrast, Estimate | None],
    ylabel: str,
    scale: str = "linear",
) -> pd.DataFrame:
    """Return every contrast, then every animal, of `figures.estimation`.

    Returns
    -------
    DataFrame
        mark ("difference" or the name of the column `animal`), quantity, that column, group, against, value with its
        limits (95 %) on the scale of analysis, interval (its kind), and, where the axis prints other numbers, the value
        as it prints it (a difference of logarithms is a ratio there). A contrast that is not testable has no numbers.
    """
    rows = [*_differences(estimates, ylabel, scale), *_units(frame, value, group, animal, order, ylabel, scale)]
    return _in_order(rows, animal, scale)


def estimation_grid(
    frame: pd.DataFrame,
    *,
    value: str,
    group: str,
    animal: str,
    endpoint: str,
    order: Sequence[str],
    estimates: Mapping[str, Mapping[Contrast, Estimate | None]],
    titles: Mapping[str, str],
    scale: str = "linear",
) -> pd.DataFrame:
    """Return every contrast of every endpoint, then every animal, of `figures.estimation_grid`; see `estimation`."""
    rows = [row for name, own in estimates.items() for row in _differences(own, titles[name], scale)]
    for name in estimates:
        rows += _units(frame[frame[endpoint] == name], value, group, animal, order, titles[name], scale)
    return _in_order(rows, animal, scale)


def composition(
    frame: pd.DataFrame,
    *,
    parts: Mapping[str, str],
    animal: str,
    group: str,
    order: Sequence[str],
    balance: str,
    balance_label: str,
    estimates: Mapping[Contrast, Estimate | None],
) -> pd.DataFrame:
    """Return `estimation` of the balance with each animal's parts, in per cent, in columns of their own."""
    about = {"value": balance, "group": group, "animal": animal, "order": order}
    table = estimation(frame, estimates=estimates, ylabel=balance_label, **about)
    shares = frame.set_index(animal)[list(parts)].rename(columns={key: f"{name}, %" for key, name in parts.items()})
    return table.join(shares, on=animal)


def _differences(estimates: Mapping[Contrast, Estimate | None], quantity: str, scale: str) -> list[dict]:
    rows = []
    for (one, reference), estimate in estimates.items():
        row = {"mark": "difference", "quantity": quantity, "group": one, "against": reference}
        if estimate is not None:
            row |= {"value": estimate.estimate, "low": estimate.ci_low, "high": estimate.ci_high}
            row |= {"interval": estimate.interval_kind}
            row |= {"read": scales.find(scale).difference_shown(estimate.estimate)}
        rows.append(row)
    return rows


def _units(
    frame: pd.DataFrame, value: str, group: str, animal: str, order: Sequence[str], quantity: str, scale: str
) -> list[dict]:
    shown = scales.find(scale).shown
    return [
        {"mark": animal, "quantity": quantity, animal: unit, "group": name, "value": number, "read": shown(number)}
        for name in order
        for unit, number in frame.loc[frame[group] == name, [animal, value]].dropna(subset=[value]).to_numpy()
    ]


def _in_order(rows: list[dict], animal: str, scale: str) -> pd.DataFrame:
    columns = ["mark", "quantity", animal, "group", "against", "value", "low", "high", "interval", "read"]
    table = pd.DataFrame(rows, columns=columns)
    for column in ("value", "low", "high", "read"):
        table[column] = table[column].astype(float)
    return _on_scale(table, scale)


def _on_scale(table: pd.DataFrame, scale: str) -> pd.DataFrame:
    """Name the columns of numbers after the scale, and drop what the axis prints where it prints the same."""
    if scale == "linear":
        return table.rename(columns={"low": "95 % from", "high": "95 % to"}).drop(columns="read")
    names = {"value": f"value, {scale}", "low": f"95 % from, {scale}", "high": f"95 % to, {scale}"}
    return table.rename(columns=names | {"read": "value on the axis"})


def superplot(
    cells: pd.DataFrame,
    *,
    value: str,
    animal: str,
    group: str,
    order: Sequence[str],
    ylabel: str,
    pvalues: Mapping[Contrast, float] | None = None,
) -> pd.DataFrame:
    """Return the adjusted p of each pair, then the mean of each animal, then every cell, of `figures.superplot`.

    Returns
    -------
    DataFrame
        mark ("comparison", the name of the column `animal`, "cell"), quantity, that column, group, against, value,
        adjusted p.
    """
    cells = cells.dropna(subset=[value])
    cells = cells[cells[group].isin(order)].sort_values(
        [group, animal], key=lambda column: column.map(order.index) if column.name == group else column, kind="stable"
    )
    means = cells.groupby([group, animal], sort=False, observed=True)[value].mean().reset_index()
    table = pd.concat(
        [
            pd.DataFrame(
                {"mark": "comparison", "group": one, "against": other, "adjusted p": p}
                for (one, other), p in (pvalues or {}).items()
            ),
            means.assign(mark=animal),
            cells[[group, animal, value]].assign(mark="cell"),
        ]
    ).rename(columns={group: "group", value: "value"})
    columns = ["mark", "quantity", animal, "group", "against", "value", "adjusted p"]
    return table.assign(quantity=ylabel).reindex(columns=columns).reset_index(drop=True)


def courses(
    frame: pd.DataFrame,
    *,
    time: str,
    value: str,
    animal: str,
    group: str,
    order: Sequence[str],
    xlabel: str,
    ylabel: str = "",
    unit: str | None = None,
    facet: str,
    titles: Mapping[str, str],
    scale: str = "linear",
    **_,
) -> pd.DataFrame:
    """Return the mean of each group, then each animal, at each time of each panel of `figures.courses`.

    Returns
    -------
    DataFrame
        mark ("mean" or the name of the column `animal`), quantity (the panel and what its axis says), that column, the
        unit's, group, time (named as its axis), value, and the value as its axis prints it.
    """
    frame = frame.dropna(subset=[value])
    frame = frame[frame[group].isin(order) & frame[facet].isin(list(titles))]
    who = [animal] if unit in (None, animal) else [animal, unit]
    keys = [facet, group, time]
    means = frame.groupby([*keys, who[-1]], observed=True)[value].mean().groupby(keys).mean().reset_index()
    table = pd.concat([means.assign(mark="mean"), frame[[*keys, *who, value]].assign(mark=animal)])
    quantity = {level: ", ".join(filter(None, (ylabel, title))) for level, title in titles.items()}
    table = table.assign(
        quantity=table[facet].map(quantity),
        read=scales.find(scale).shown(table[value].astype(float)),
        place=table[facet].map(list(titles).index),
        turn=table[group].map(list(order).index),
        last=table["mark"] != "mean",
    ).sort_values(["last", "place", "turn", *who, time], kind="stable", ignore_index=True)
    table = table.rename(columns={group: "group", time: xlabel, value: "value"})
    return _on_scale(table[["mark", "quantity", *who, "group", xlabel, "value", "read"]], scale)


def limiting_dilution(
    frame: pd.DataFrame,
    *,
    group: str,
    donor: str,
    order: Sequence[str],
    frequencies: Mapping[str, tuple[float, float, float]],
    xlabel: str,
) -> pd.DataFrame:
    """Return the line of each group, then each donor at each dose, of `figures.limiting_dilution`.

    Returns
    -------
    DataFrame
        mark ("single-hit line" or the name of the column `donor`), that column, group, dose (named as its axis),
        tested, positive, recipients without a graft (%), and for lines the frequency per cell with its limits (95 %).
    """
    present = [name for name in order if (frame[group] == name).any()]
    columns = ["frequency per cell", "95 % from", "95 % to"]
    lines = pd.DataFrame([frequencies[name] for name in present], columns=columns)
    lines.insert(0, "group", present)
    points = frame[[donor, group, "dose", "tested", "positive"]].rename(columns={group: "group"})
    points["recipients without a graft, %"] = 100 * (points["tested"] - points["positive"]) / points["tested"]
    table = pd.concat([lines.assign(mark="single-hit line"), points.assign(mark=donor)], ignore_index=True)
    counts = {"tested": "Int64", "positive": "Int64"}
    names = ["mark", donor, "group", "dose", *counts, "recipients without a graft, %", *columns]
    return table[names].astype(counts).rename(columns={"dose": xlabel})


def forest(frame: pd.DataFrame, *, xlabel: str, dots: pd.DataFrame | None = None, **_) -> pd.DataFrame:
    """Return each row of `figures.forest`, then its dots.

    Returns
    -------
    DataFrame
        label, mark ("estimate", or "dot" for what it summarises), quantity, value with its limits (95 %), interval (its
        kind), then n and note where the figure prints them.
    """
    names = {"estimate": "value", "low": "95 % from", "high": "95 % to", "interval_kind": "interval"}
    table = frame.rename(columns=names).assign(mark="estimate")
    if dots is not None:
        table = pd.concat([table, dots.assign(mark="dot")], ignore_index=True)
    printed = [column for column in ("n", "note") if column in table]
    return table.assign(quantity=xlabel)[["label", "mark", "quantity", *names.values(), *printed]]


def fragility(frame: pd.DataFrame, *, xlabel: str, **_) -> pd.DataFrame:
    """Return each mark of `figures.fragility`.

    Returns
    -------
    DataFrame
        prediction, variant, kind ("all data", "one left out", "another choice"), quantity, value, limits (95 %) and
        interval (its kind) for all data, smallest effect of interest, verdict holds (yes or no), and the words in place
        of an estimate that is missing.
    """
    kinds = {"full": "all data", "unit": "one left out"}
    return pd.DataFrame(
        {
            "prediction": frame["label"],
            "variant": frame["choice"],
            "kind": [kinds.get(one, "another choice") for one in frame["kind"]],
            "quantity": xlabel,
            "value": frame["estimate"].astype(float),
            "95 % from": frame["low"].astype(float),
            "95 % to": frame["high"].astype(float),
            "interval": frame["interval_kind"],
            "smallest effect of interest": frame["smallest"],
            "verdict holds": np.where(frame["holds"].astype(bool), "yes", "no"),
            "in place of an estimate": frame["unread"],
        }
    )


def volcano(frame: pd.DataFrame, *, contrast: Contrast, alpha: float = 0.05, **_) -> pd.DataFrame:
    """Return each gene of `figures.volcano`, the smallest adjusted p first.

    Returns
    -------
    DataFrame
        gene, log2 fold change (its name says of what), adjusted p, higher in (the group whose colour the gene has;
        empty for grey).
    """
    frame = frame.dropna(subset=["log2fc", "p_adjusted"]).sort_values("p_adjusted", kind="stable")
    change = f"log2 fold change, {style.named(contrast[0])} − {style.named(contrast[1])}"
    numbers = {change: frame["log2fc"].to_numpy(), "adjusted p": frame["p_adjusted"].to_numpy()}
    called = np.where(frame["log2fc"] > 0, *contrast)
    higher = np.where((frame["p_adjusted"] <= alpha) & (frame["log2fc"] != 0), called, "")
    return pd.DataFrame({"gene": frame.index, **numbers, "higher in": higher})


def lfc_scatter(frame: pd.DataFrame, *, x: str, y: str, xlabel: str, ylabel: str, slope: Estimate, **_) -> pd.DataFrame:
    """Return the line of `figures.lfc_scatter`, then each gene, the largest change on its x axis first.

    Returns
    -------
    DataFrame
        mark ("line" or "gene"), gene, both log2 fold changes (named as their axes), slope with its limits (95 %) and
        interval (its kind).
    """
    genes = frame.dropna(subset=[x, y]).sort_values(x, key=lambda column: -column.abs(), kind="stable")
    line = {"mark": "line", "slope": slope.estimate, "95 % from": slope.ci_low, "95 % to": slope.ci_high}
    line |= {"interval": slope.interval_kind}
    numbers = {xlabel: genes[x].to_numpy(), ylabel: genes[y].to_numpy()}
    points = pd.DataFrame({"mark": "gene", "gene": genes.index, **numbers})
    table = pd.concat([pd.DataFrame([line]), points], ignore_index=True)
    return table[["mark", "gene", xlabel, ylabel, *list(line)[1:]]]


def rrho_map(matrix: np.ndarray, *, xlabel: str, ylabel: str, genes: int, value_label: str) -> pd.DataFrame:
    """Return each square of `figures.rrho_map`: the two ranks at its upper right corner, and its value."""
    rows, columns = matrix.shape
    across = genes * (np.arange(columns) + 1) / columns
    up = genes * (np.arange(rows) + 1) / rows
    return pd.DataFrame(
        {
            f"{xlabel}, up to rank": np.tile(across, rows),
            f"{ylabel}, up to rank": np.repeat(up, columns),
            value_label: matrix.ravel(),
        }
    )


def embedding(
    frame: pd.DataFrame, *, x: str, y: str, by: str, animal: str | None = None, by_label: str = ""
) -> pd.DataFrame:
    """Return each cell of `figures.embedding`: cell (the index), animal where it is known, group or score, x, y."""
    names = {by: by_label or by} if pd.api.types.is_numeric_dtype(frame[by]) else {}
    table = frame[[*([animal] if animal else []), by, x, y]].rename(columns=names)
    table.insert(0, "cell", frame.index.astype(str))
    return table.reset_index(drop=True)


def bands(frame: pd.DataFrame, *, rows: Sequence[str], **_) -> pd.DataFrame:
    """Return each mark of `figures.bands`, those that break their promise first, then by row.

    Returns
    -------
    DataFrame
        scenario, rule (`id`), measure, rate, promised and limit (shares of cohorts, not per cent), cohorts, judgement.
    """
    names = {"id": "rule", "measure": "measure", "rate": "rate, share of cohorts"}
    names |= {"promised": "promised, share of cohorts", "limit": "limit, share of cohorts", "of": "cohorts"}
    table = frame.assign(
        kept=frame["judgement"] != "beyond its band", place=frame["scenario"].map(list(rows).index)
    ).sort_values(["kept", "place"], kind="stable")
    return table[["scenario", *names, "judgement"]].rename(columns=names)


def pairs(frame: pd.DataFrame, *, words: tuple[str, str], **_) -> pd.DataFrame:
    """Return each pair of rates of `figures.pairs`, shares of cohorts (not per cent) with their limits (95 %)."""
    table = {"label": frame["label"]}
    for key, word in zip(("wrong", "right"), words, strict=True):
        table[f"{word}, share of cohorts"] = frame[key]
        table |= {f"{word}, 95 % {end}": frame[f"{key}_{side}"] for end, side in (("from", "low"), ("to", "high"))}
    return pd.DataFrame(table)
