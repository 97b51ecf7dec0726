"""A training run: its state, its loop, its steps, its files and its messages."""
