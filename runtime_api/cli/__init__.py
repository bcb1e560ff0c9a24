"""The command `pilotlight`: one command, one file."""
