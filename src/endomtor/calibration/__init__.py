"""How often each analysis of the book would be wrong: many simulated cohorts, the chapters' own functions, rates."""

from endomtor.calibration.plan import PARTS, Plan, Scenario, load
from endomtor.calibration.run import Calibration, calibrate, disagreements, freeze, frozen, moved

__all__ = [
    "PARTS",
    "Calibration",
    "Plan",
    "Scenario",
    "calibrate",
    "disagreements",
    "freeze",
    "frozen",
    "load",
    "moved",
]
