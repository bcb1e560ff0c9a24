"""The bootstrap beside awslambdaric: the same function, interpreter and server, in turns."""
