"""The Extensions API: its states, its refusals, its bodies."""
