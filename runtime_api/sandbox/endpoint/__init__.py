"""The HTTP APIs at a sandbox's own port, and what passes through them."""
