"""Kaplan-Meier curves as steps, a panel below the other."""

import pandas as pd
import seaborn as sns

from endomtor.figures import style
from endomtor.figures.drawing import Drawn


def survival(curves: pd.DataFrame) -> Drawn:
    """Draw the corners of Kaplan-Meier curves, as `endomtor.stats.survival_curves` returns them.

    Parameters
    ----------
    curves : DataFrame
        Columns `panel`, `group`, `day` and "alive, %".
    """
    named = curves.assign(group=curves["group"].map(style.named))
    palette = {style.named(group): colour for group, colour in style.COLOURS.items()}
    order = [name for name in palette if name in set(named["group"])]
    steps = {"x": "day", "y": "alive, %", "hue": "group", "hue_order": order, "palette": palette}
    steps |= {"drawstyle": "steps-post", "estimator": None, "sort": False}
    panels = named.groupby("panel", sort=False)
    with style.house():
        figure = style.page(2.5 * len(panels))
        every = figure.subplots(len(panels), 1, squeeze=False).flat
        for axes, (panel, rows) in zip(every, panels, strict=True):
            sns.lineplot(rows, **steps, ax=axes)
            axes.set(title=panel, ylim=(0, 103), xlim=(0, None))
            sns.move_legend(axes, "lower left", title=None)
    return Drawn(figure, named)
