"""Trace → Findings: what is wrong with a run, what shows it, and what may cure it. Never imports `train`."""

from upfit.diagnose.diagnosis import Diagnosis, diagnose
from upfit.diagnose.doctor import Doctor
from upfit.diagnose.rule import Rule
from upfit.diagnose.rules import RULES

__all__ = ["RULES", "Diagnosis", "Doctor", "Rule", "diagnose"]
