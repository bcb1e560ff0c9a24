"""Events: decoding them into the types a handler asks for."""
