"""Which sandbox runs which invocation, and when."""
