"""Functions and settings from folders, files and flags, as frozen structs."""
