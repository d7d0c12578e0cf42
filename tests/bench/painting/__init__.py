"""What the bench of the workbench needs: a field of cells, a hub that has it, a hand, and a probe in the page."""
