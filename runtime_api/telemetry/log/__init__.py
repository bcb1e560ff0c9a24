"""Logs: as text, as JSON, as frames, as files, and the tail a caller asks for."""
