"""Figures and tables of the book: one house style, few plot kinds, every animal shown."""

from endomtor.figures import drawn, interactive
from endomtor.figures.animals import (
    composition,
    courses,
    estimation,
    estimation_grid,
    limiting_dilution,
    superplot,
)
from endomtor.figures.forest import forest
from endomtor.figures.fragility import fragility
from endomtor.figures.genes import embedding, lfc_scatter, ma, rrho_map, volcano
from endomtor.figures.publish import show, table
from endomtor.figures.rates import bands, pairs
from endomtor.figures.style import house

__all__ = [
    "bands",
    "composition",
    "courses",
    "drawn",
    "embedding",
    "estimation",
    "estimation_grid",
    "forest",
    "fragility",
    "house",
    "interactive",
    "lfc_scatter",
    "limiting_dilution",
    "ma",
    "pairs",
    "rrho_map",
    "show",
    "superplot",
    "table",
    "volcano",
]
