"""Measuring inside a network: layers, activations, scores. `measure` does not load it: it needs torch."""
