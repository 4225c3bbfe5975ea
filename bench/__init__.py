"""Benches: one script a promise. `make bench` runs them all."""
