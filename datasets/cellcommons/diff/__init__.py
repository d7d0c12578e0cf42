"""What changed between two releases: images, cells, classes, tracks; numbers first, then the cells themselves."""
