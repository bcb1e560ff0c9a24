"""Hooks: what the function asked to be done, and when."""
