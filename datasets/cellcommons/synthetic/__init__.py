"""Cells and people with known truth, generated from a seed."""
