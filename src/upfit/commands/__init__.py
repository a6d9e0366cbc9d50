"""What the command line is made of; `upfit.cli` puts it together."""
