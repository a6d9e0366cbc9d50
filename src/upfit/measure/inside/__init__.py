"""Measuring inside a network: layers, activations, scores. Needs torch, so `measure` itself does not load it."""
