"""Real small trainings with one planted fault each, their hand-repaired forms, and healthy controls."""

from doctor_cases.cases import CASES, Case
from doctor_cases.healthy import HEALTHY

__all__ = ["CASES", "HEALTHY", "Case"]
