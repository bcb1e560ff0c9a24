"""The cases on runtimes, a file for each section."""
