"""What a new hub shows: a small campaign of each task over generated data, begun by simulated readers."""
