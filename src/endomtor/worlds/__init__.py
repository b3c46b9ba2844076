"""Simulated worlds: declared parameters become a cohort and say which predictions are true in it."""

from endomtor.worlds.simulation import DRAWN, TABULAR, dataset, simulate, simulate_tables, tables
from endomtor.worlds.subsets import thin, without
from endomtor.worlds.world import World, load, names, truth_of

__all__ = [
    "DRAWN",
    "TABULAR",
    "World",
    "dataset",
    "load",
    "names",
    "simulate",
    "simulate_tables",
    "tables",
    "thin",
    "truth_of",
    "without",
]
