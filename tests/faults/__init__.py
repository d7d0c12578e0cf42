"""Parts of a running hub are killed at seeded instants of uploads, readings and publications; nothing may be lost."""
