"""Values become text, pages, cards and logs; this room only reads.

Import from its modules: `console`, `html`, `card`, `tensorboard`, `mlflow`. They load different libraries.
"""
