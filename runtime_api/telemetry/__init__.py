"""One stream of platform events, and what is drawn from it."""
