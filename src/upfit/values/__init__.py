"""The nouns: frozen, typed values that import nothing else of upfit but its errors."""

from upfit.values.action import Action, Plan
from upfit.values.augment import Augment, Transform
from upfit.values.base import Value
from upfit.values.change import Change
from upfit.values.cure import Cure
from upfit.values.data import PART, Column, Data, Kind, Part, Schema, Task
from upfit.values.estimate import Estimate
from upfit.values.layers import Adapter, Gradual, Layers
from upfit.values.logged import Logged
from upfit.values.recipe import Recipe
from upfit.values.run import Candidate, Finding, Predictions, Run
from upfit.values.seams import Silent, Watcher
from upfit.values.split import Rows, Split
from upfit.values.technique import Technique
from upfit.values.trace import Evaluation, Event, Health, Step, Trace

__all__ = [
    "PART",
    "Action",
    "Adapter",
    "Augment",
    "Candidate",
    "Change",
    "Column",
    "Cure",
    "Data",
    "Estimate",
    "Evaluation",
    "Event",
    "Finding",
    "Gradual",
    "Health",
    "Kind",
    "Layers",
    "Logged",
    "Part",
    "Plan",
    "Predictions",
    "Recipe",
    "Rows",
    "Run",
    "Schema",
    "Silent",
    "Split",
    "Step",
    "Task",
    "Technique",
    "Trace",
    "Transform",
    "Value",
    "Watcher",
]
