"""Cell images, labels, layouts and immutable releases: the ground floor of Cell Commons."""

__version__ = "0.1.0"
