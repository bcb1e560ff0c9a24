"""The options commands share, and what is made of them."""
