"""Brings the results of asynchronous invocations to where they are wanted."""
