"""What the tracking benchmark links."""
