"""Where the result of an asynchronous invocation goes, and what is sent there."""
