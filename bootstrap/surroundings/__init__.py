"""Surroundings: what is put right around the function before it runs."""
