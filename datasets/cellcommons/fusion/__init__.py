"""Many readings of one image to one consensus, one file per kind of label."""
