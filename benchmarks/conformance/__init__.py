"""The conformance suite at work: on the implementations whose results are published, and many times over."""
