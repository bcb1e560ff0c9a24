"""One sandbox after the other: what the platform itself costs around a runtime."""
