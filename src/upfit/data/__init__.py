"""Files and objects become Data."""
