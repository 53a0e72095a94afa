"""The checks of lab 1, and what only they use."""
