"""Log: what log lines look like and where they go, beyond plain text on standard output."""
