"""Several: many invocations at once."""
