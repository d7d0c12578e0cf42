"""Measures of a prediction against truth, one family per file."""
