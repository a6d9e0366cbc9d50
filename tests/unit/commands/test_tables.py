"""Predictions on stdout: every byte for a file or a pipe, harmless on a terminal."""

from __future__ import annotations

import os
import pty
import sys

import pandas as pd

from upfit.commands.tables import shown

HOSTILE = "\x1b[2Jcat \u202etac"
ANSWERS = pd.DataFrame({"input": ["a.jpg"], "prediction": [HOSTILE]})


def test_a_class_name_commands_no_terminal(monkeypatch):
    reader, writer = pty.openpty()
    try:
        with os.fdopen(writer, "w", encoding="utf-8") as terminal:
            monkeypatch.setattr(sys, "stdout", terminal)
            assert shown(ANSWERS) == "input,prediction\na.jpg,\\x1b[2Jcat \\u202etac\n"
    finally:
        os.close(reader)


def test_a_pipe_gets_what_the_classes_are_called(monkeypatch):
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w", encoding="utf-8") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert shown(ANSWERS) == f"input,prediction\na.jpg,{HOSTILE}\n"
