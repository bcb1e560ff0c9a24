"""The Telemetry API and the Logs API: who subscribes, what is delivered, in which schema."""
