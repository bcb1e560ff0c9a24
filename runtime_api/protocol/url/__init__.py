"""HTTP requests as events, and what functions return as HTTP answers."""
