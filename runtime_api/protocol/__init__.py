"""The rules of Lambda, as values and tables. Pure: no asyncio, no HTTP server, no files, no clock."""
