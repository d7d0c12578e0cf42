"""Linking the cells of a movie through time: one method a file behind one interface (``contract.Linker``)."""
