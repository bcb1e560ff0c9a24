"""What callers talk to."""
