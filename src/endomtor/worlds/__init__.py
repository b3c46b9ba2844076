"""Simulated worlds: declared parameters become a data directory and say which predictions are true in it."""

from endomtor.worlds.simulation import TABULAR, simulate, simulate_tables, tables
from endomtor.worlds.world import World, load, names

__all__ = ["TABULAR", "World", "load", "names", "simulate", "simulate_tables", "tables"]
