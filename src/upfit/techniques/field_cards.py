"""Cards of what is a plain field of the recipe, and needs no file of its own."""

from __future__ import annotations

from upfit.techniques.card import Card

DROPOUT = Card(
    name="dropout",
    switch="layers.dropout=0.1",
    row="T3",
    what="Sets the rate of every dropout layer of the backbone.",
    when="Text: the networks were pretrained at 0.1, which is the default there.",
    when_not="Most image networks have no dropout layers inside; stochastic_depth is their equivalent.",
    combine="With everything; r_drop needs it or something like it.",
    source="Srivastava et al. 2014",
)
HEAD_DROPOUT = Card(
    name="head_dropout",
    switch="head.dropout=0.2",
    row="T3",
    what="Drops features in front of the head.",
    when="The head overfits: many features, few examples.",
    when_not="The head starts from a probe and hardly moves; regression, where dropout shifts the scale.",
    combine="With everything.",
    source="Srivastava et al. 2014",
)
WEIGHT_DECAY = Card(
    name="weight_decay",
    switch="optimizer.weight_decay=0.1",
    row="T3",
    what="Shrinks weights by rate x decay at each step, apart from the gradient; biases and norms are left "
    "alone.",
    when="Always a little of it (0.05 is the default); more where the training loss goes to zero early.",
    when_not="Short runs at small rates: it acts through their product and does nothing.",
    combine="With everything; l2_sp pulls elsewhere at the same time.",
    source="Loshchilov and Hutter 2019",
)
EARLY_STOPPING = Card(
    name="early_stopping",
    switch="stopping.patience=3",
    row="T3",
    what="Ends the run after so many evaluations without progress of at least `stopping.min_delta`; the best "
    "weights are kept in any case.",
    when="The length of the run is a guess. On by default with a patience of 5.",
    when_not="Schedules that fall to zero at the end: the last evaluations are often the best.",
    combine="With everything. An evaluation counts as progress by the metric that decides; ties go to the "
    "loss.",
    source="Prechelt 1998",
)
