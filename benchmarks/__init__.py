"""Measurements beside peers: AWS's emulator, and AWS's runtime clients. `make bench` runs them."""
