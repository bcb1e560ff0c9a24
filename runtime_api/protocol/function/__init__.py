"""A function's configuration: itself, its aliases, its URL, its asynchronous settings; checked when made."""
