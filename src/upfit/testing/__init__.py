"""Parts for the tests of upfit and of those who extend it."""

from upfit.testing.digits import digits_folder
from upfit.testing.docstrings import docstring_sentences

__all__ = ["digits_folder", "docstring_sentences"]
