"""Streams: answers that leave piece by piece."""
