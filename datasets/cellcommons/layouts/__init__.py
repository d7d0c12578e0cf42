"""Published folder layouts, read and written, one file each."""
