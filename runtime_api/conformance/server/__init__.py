"""The cases on servers, a file for each section."""
