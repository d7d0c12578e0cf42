"""Benchmarks: ``./hub bench NAME [--json]``. Never part of the test run."""
