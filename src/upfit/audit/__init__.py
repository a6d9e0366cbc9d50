"""What is wrong with data: one check a file, each from a subject to findings."""
