"""Cards of how a batch goes through the network: fields of the recipe, and what the loop does by itself."""

from __future__ import annotations

from upfit.techniques.card import Card

ACCUMULATION = Card(
    name="accumulation",
    switch="batching.micro_size=8",
    row="T1",
    what="Sends a batch through in pieces of so many examples and adds up their gradients, each "
    "divided by the count of the whole batch: the step is that of the whole batch, also with padding, "
    "class weights and a short last batch. Pieces are padded to their own longest text.",
    when="The batch that the recipe wants does not fit into memory.",
    when_not="It fits: on a CPU pieces of 16 were no faster than 32 examples, and those of 4 half as fast.",
    combine="With everything. With `layers.batch_norm=updated` each piece is normalised by its own "
    "statistics, which it also moves; they are frozen by default. Odd pieces are refused with "
    "mixup_features.",
    source="Goyal et al. 2017",
    absent="batching.micro_size=1000",
)
BATCH_SIZE = Card(
    name="batch_size",
    switch="batching.size=64",
    row="T1",
    what="Examples per step. `auto`, the default, is 32, at which the default rates were measured (an eighth "
    "of the rows where there are fewer than 200); on a GPU it is doubled for as long as memory holds the "
    "double and an example goes through a quarter faster in it. `largest` takes the largest power of two "
    "that memory holds. Both leave eight steps an epoch.",
    when="A GPU is not kept busy by 32; gradients are noisy; few examples, where smaller batches take more "
    "steps in the same number of epochs.",
    when_not="Few epochs: every doubling halves the number of steps.",
    combine="`optimizer.lr=auto` is scaled with it; a size that does not fit goes through in pieces.",
    source="McCandlish et al. 2018; Shallue et al. 2019",
)
FITTING = Card(
    name="fitting_batch",
    switch="batching.micro_size=auto",
    row="T1",
    what="Finds before training how many examples fit into memory at once, and is the default. On a "
    "GPU steps with the longest examples are tried and timed, whole and in halves; on a CPU the bytes "
    "that two examples keep for the backward pass are counted against what machine, control group and "
    "process may still take. The batch of a step stays what the recipe says; the answer is in the run's"
    " recipe.",
    when="Always.",
    when_not="Memory is shared with programs that will want more of it later: state a size.",
    combine="With everything; inputs without a row per example go through whole.",
    source="Accelerate's find_executable_batch_size, for pieces instead of batches",
    unmeasured="always on; it changes what fits into memory, and nothing that is learned",
)
OUT_OF_MEMORY = Card(
    name="out_of_memory",
    switch="batching.micro_size=auto",
    row="T6",
    what="A step that runs out of memory is made again, with the same examples and random numbers, in "
    "pieces of half the size, down to one example; evaluation likewise. The trace says so, and a "
    "resumed run cuts where the killed one did.",
    when="Always on.",
    when_not="Linux may end a process that takes too much without an error to catch: there the size that "
    "is planned before training has to do, or one that is stated.",
    combine="With everything. Several processes exchange gradients after their backward passes, since one"
    " that has no memory could not take part in the middle of it.",
    source="PyTorch's notes on out-of-memory handling",
    unmeasured="always on; it changes what fits into memory, and nothing that is learned",
)
BATCH_CARDS: tuple[Card, ...] = (BATCH_SIZE, ACCUMULATION, FITTING, OUT_OF_MEMORY)
