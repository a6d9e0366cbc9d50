"""upfit: fine-tune a pretrained PyTorch model on your own data, and see what earned its accuracy.

Names are loaded when first used, so that `import upfit` costs nothing::

    import upfit

    run = upfit.fit("flowers/", budget="10m")
    print(run.validation["accuracy"])
    run.predict(["a.jpg"])
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upfit.curate.audit import audit
    from upfit.curate.augmentation import augment
    from upfit.curate.clean import clean
    from upfit.curate.learning_curve import curve
    from upfit.data.read import read
    from upfit.diagnose.doctor import Doctor
    from upfit.diagnose.job import Job
    from upfit.diagnose.treat import treat
    from upfit.errors import (
        BackboneError,
        DataError,
        InputError,
        Interrupted,
        MissingExtraError,
        RecipeError,
        RunFolderError,
        TrainingError,
        UpfitError,
    )
    from upfit.journey.error_analysis import error_analysis
    from upfit.journey.fit import fit, resume
    from upfit.journey.own import train
    from upfit.journey.runs import load_run
    from upfit.split.make import make_split
    from upfit.train.own_range_test import range_test
    from upfit.values import (
        Candidate,
        Change,
        Data,
        Estimate,
        Finding,
        Recipe,
        Run,
        Schema,
        Split,
        Technique,
        Trace,
    )

__version__ = "0.1.0"

__all__ = [
    "BackboneError",
    "Candidate",
    "Change",
    "Data",
    "DataError",
    "Doctor",
    "Estimate",
    "Finding",
    "InputError",
    "Interrupted",
    "Job",
    "MissingExtraError",
    "Recipe",
    "RecipeError",
    "Run",
    "RunFolderError",
    "Schema",
    "Split",
    "Technique",
    "Trace",
    "TrainingError",
    "UpfitError",
    "__version__",
    "audit",
    "augment",
    "clean",
    "curve",
    "error_analysis",
    "fit",
    "load_run",
    "make_split",
    "range_test",
    "read",
    "resume",
    "train",
    "treat",
]

_OTHER_HOMES = {
    "Doctor": "upfit.diagnose.doctor",
    "Job": "upfit.diagnose.job",
    "audit": "upfit.curate.audit",
    "augment": "upfit.curate.augmentation",
    "clean": "upfit.curate.clean",
    "curve": "upfit.curate.learning_curve",
    "error_analysis": "upfit.journey.error_analysis",
    "fit": "upfit.journey.fit",
    "load_run": "upfit.journey.runs",
    "make_split": "upfit.split.make",
    "range_test": "upfit.train.own_range_test",
    "read": "upfit.data.read",
    "resume": "upfit.journey.fit",
    "train": "upfit.journey.own",
    "treat": "upfit.diagnose.treat",
}
"""Where the functions live; every other public name is an error or a value."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'upfit' has no attribute {name!r}")
    is_error = name.endswith("Error") or name == "Interrupted"
    home = _OTHER_HOMES.get(name, "upfit.errors" if is_error else "upfit.values")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Namespace(ModuleType):
    """Keeps `upfit.train` and `upfit.audit` the functions, though rooms of these names exist.

    Importing a submodule binds it in its package; without this, whoever imports `upfit.train.loop`
    first would turn `upfit.train` into a module for everybody.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _OTHER_HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Namespace
