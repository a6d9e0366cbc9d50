"""A local page on which people decide about doubtful rows: keep, relabel, drop, undo; and what it earned."""
