"""Reading microscopy files, and keeping them as OME-Zarr 0.5 trees."""
