"""The Runtime API: its states, its refusals, the bodies both sides exchange."""
