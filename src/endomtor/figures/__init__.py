"""Figures and tables of the book: one house style, few plot kinds, every animal shown."""

from endomtor.figures.animals import composition, courses, estimation, estimation_grid, limiting_dilution, superplot
from endomtor.figures.drawing import Drawn
from endomtor.figures.forest import forest
from endomtor.figures.genes import lfc_scatter, rrho_map, volcano
from endomtor.figures.publish import show, table
from endomtor.figures.rates import error_rates, pairs
from endomtor.figures.robustness import robustness
from endomtor.figures.style import COLOURS, colour, house, legend_above, marker, named, page
from endomtor.figures.survival import survival

__all__ = [
    "COLOURS",
    "Drawn",
    "colour",
    "composition",
    "courses",
    "error_rates",
    "estimation",
    "estimation_grid",
    "forest",
    "house",
    "legend_above",
    "lfc_scatter",
    "limiting_dilution",
    "marker",
    "named",
    "page",
    "pairs",
    "robustness",
    "rrho_map",
    "show",
    "superplot",
    "survival",
    "table",
    "volcano",
]
