"""The stage a server is put on: the function it starts, which the suite scripts byte by byte, a raw caller, and the record of both."""
