"""Watching a loop that is not ours: what is looked at, when, and at what cost."""
