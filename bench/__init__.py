"""Measurements, never tests: `make bench` or `python -m bench`."""
