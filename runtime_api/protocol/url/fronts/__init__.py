"""What stands between callers and a function, each with its own shape of events and its own reading of results."""
