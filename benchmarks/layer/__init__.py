"""The layers and packages: how large, how fast to start, and whether they are the same each time."""
