"""An asynchronous event: its way through the queue, and what decides it."""
