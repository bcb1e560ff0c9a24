"""The Invoke API: what a call asks for, what is refused, how an answer streams."""
