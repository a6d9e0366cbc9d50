"""Cards of choosing layers by a word or a number, and of the cache behind frozen ones."""

from __future__ import annotations

from upfit.techniques.card import Card

HEAD_ONLY = Card(
    name="head_only",
    switch="layers.train=head",
    row="T4",
    what="Trains the fresh output layer alone, on features that were computed once.",
    when="Very few examples, very little time, or a backbone that knows the domain already.",
    when_not="Enough data and time: tuned layers are worth points.",
    combine="Not with what changes images or the backbone. augment.views=k keeps features of k variations.",
    source="Donahue et al. 2014 (DeCAF)",
)
LAST_GROUPS = Card(
    name="last_layers",
    switch="layers.train=2",
    row="T4",
    what=(
        "Trains the last n layer groups with the head; or those that a list names, or parameters that fit a "
        "pattern ([encoder.layer.5, '*.bias']). What is frozen ahead runs in evaluation mode, or not at all."
    ),
    when="Data too few for all layers; data close to what the backbone was trained on.",
    when_not="Data far from it: low layers have to move too.",
    combine="With the cache of activations, adapters, layer-wise rates.",
    source="Yosinski et al. 2014; Ben Zaken et al. 2022 (BitFit) for '*.bias'",
)
AUTO = Card(
    name="auto_layers",
    switch="layers.train=auto",
    row="T4",
    what=(
        "Short trials of the head, the last group, the last half, the groups with most of the relative "
        "gradient signal, and all layers; taken is what beats all layers on validation beyond noise."
    ),
    when="It is not known how far the data are from what the backbone was trained on.",
    when_not="Short budgets: trials take a tenth of the time left, and below 20 steps each all layers train.",
    combine="The trials use the cache of activations.",
    source="Lee et al. 2023 (surgical fine-tuning), the criterion of relative gradients",
)
PROBE_THEN_TUNE = Card(
    name="probe_then_tune",
    switch="head.init=probe",
    row="T4",
    what=(
        "Starts the head from a linear model on the frozen backbone's features, held firmly enough that the "
        "backbone still has something to learn, and then trains all layers. The default for classes."
    ),
    when="Always for classes: a head drawn at random sends its first, senseless gradients into good weights.",
    when_not="Numbers to predict: a probe starts the head so far along its features that the backbone "
    "follows it; there `auto` means fresh.",
    combine="With everything; the probe is a candidate of the run of its own.",
    source="Kumar et al. 2022 (linear probing, then fine-tuning)",
)
FROZEN_BATCH_NORM = Card(
    name="frozen_batch_norm",
    switch="layers.batch_norm=frozen",
    row="T4",
    what=(
        "Batch norms normalise by the statistics that they were pretrained with, which stay as they are; "
        "their weights learn. The default; `updated` takes the statistics of each batch and moves them."
    ),
    when="Small batches, few examples, accumulation: statistics of a few examples are noise.",
    when_not="Images unlike those of the pretraining, and batches large enough to measure them.",
    combine="With everything; makes pieces of a batch equal to the whole.",
    source="He et al. 2016; Wu and Johnson 2021 (Rethinking Batch in BatchNorm)",
)
CACHE = Card(
    name="activation_cache",
    switch="layers.cache=fp32",
    row="T4",
    what=(
        "Computes the activations that leave the frozen layers once, keeps them on disk (fp32, or bf16 in "
        "half the room), and trains behind them; gradual unfreezing moves the boundary. Shared by runs."
    ),
    when="Some layers are frozen and there are several epochs. On by itself where it pays.",
    when_not="Examples varied anew in each epoch: then augment.views=k has to bound the variations.",
    combine="layers.train of all kinds but all; adapters. Not with what mixes or changes inputs by batch.",
    source="Liu et al. 2021 (AutoFreeze)",
)
