"""Looking after data before and between runs: audit, clean, learning curve."""
