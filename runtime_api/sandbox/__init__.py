"""One execution environment: its processes, its Runtime API endpoint, its life from init to shutdown."""
