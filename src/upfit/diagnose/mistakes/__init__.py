"""Error analysis: what a model gets wrong on validation, in groups that each lead to a proposed change."""
