"""The interpreter of a layer: what it says of itself, which of its files go in, and how they are made to run elsewhere."""
