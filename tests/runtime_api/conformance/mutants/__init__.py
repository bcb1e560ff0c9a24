"""Runtimes that are wrong in just one way each, and the correct one they are made of."""
