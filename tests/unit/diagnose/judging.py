"""Facts measured on a model before training, and what the rules find in a run that has them."""

import torch
from torch import nn

from upfit.diagnose import diagnose
from upfit.diagnose.preflight import measure_all
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import Subject
from upfit.testing.traces import HEALTHY_FACTS, made_trace

CE = nn.CrossEntropyLoss()


def facts(model, train, *tests, loss=CE, task="classification", optimizer=None, **more):
    """What some one-step tests measure."""
    torch.manual_seed(0)
    optimizer = optimizer or torch.optim.SGD(model.parameters(), 0.1)
    subject = Subject(Calls(model, loss, None), (optimizer,), task, train=train, **more)
    return measure_all(subject, only=tests).facts


def judged(*, score=0.3, losses=(2.3,) * 200, healths=(), **more):
    """Kinds that are found in a run that ended so."""
    known = {**HEALTHY_FACTS, **more}
    trace = made_trace(list(losses), validation=[(2.2, score)] * 6, facts=known, healths=healths)
    return [one.kind for one in diagnose(trace).findings]
