"""How often each analysis of the book would be wrong: many simulated cohorts, the chapters' own functions, rates."""

from endomtor.calibration.plan import PARTS, Plan, Scenario, load
from endomtor.calibration.run import Calibration, calibrate, code_print, disagreements, freeze, frozen

__all__ = [
    "PARTS",
    "Calibration",
    "Plan",
    "Scenario",
    "calibrate",
    "code_print",
    "disagreements",
    "freeze",
    "frozen",
    "load",
]
