"""A laboratory's own mice: templates of the tables, an example, and what a data directory allows to test."""

from endomtor.own_data.prospects import Prospect, allowed, report
from endomtor.own_data.templates import init

__all__ = ["Prospect", "allowed", "init", "report"]
