"""Recipe × Data × Split → trained weights: the one loop and what it needs."""
