"""Statistics of the book, one module per design. Functions that test take the unit's column, return an `Estimate`."""

from endomtor.estimate import Estimate

from .composition import clr, lineage_balance, part_contrasts, replace_zeros
from .design import allows_phi, pairs
from .groups import (
    ExactTest,
    contrast,
    difference,
    hedges_g,
    mann_whitney_exact,
    permutation_test_means,
    treatment_within_age,
)
from .joint import JointPhi, JointTable, joint_phi
from .limiting_dilution import donor_log_frequency, elda, elda_difference, single_hit_tests
from .meta import random_effects
from .mixed import MixedFit
from .mixed import fit as mixed_model
from .multiplicity import holm
from .nested import arrange, blocked_difference, blocked_phi, latest_common, logit_percent, one_value_per_unit
from .resemblance import NoAgingReference, phi, power_of_phi, rrho, transcriptome_phi_genes
from .survival import LogRank, log_rank, survival_curves
from .units import n_per_group, one_row_per_unit, smallest_attainable_p

__all__ = [
    "Estimate",
    "ExactTest",
    "JointPhi",
    "JointTable",
    "LogRank",
    "MixedFit",
    "NoAgingReference",
    "allows_phi",
    "arrange",
    "blocked_difference",
    "blocked_phi",
    "clr",
    "contrast",
    "difference",
    "donor_log_frequency",
    "elda",
    "elda_difference",
    "hedges_g",
    "holm",
    "joint_phi",
    "latest_common",
    "lineage_balance",
    "log_rank",
    "logit_percent",
    "mann_whitney_exact",
    "mixed_model",
    "n_per_group",
    "one_row_per_unit",
    "one_value_per_unit",
    "part_contrasts",
    "pairs",
    "permutation_test_means",
    "phi",
    "power_of_phi",
    "random_effects",
    "replace_zeros",
    "rrho",
    "single_hit_tests",
    "smallest_attainable_p",
    "survival_curves",
    "transcriptome_phi_genes",
    "treatment_within_age",
]
