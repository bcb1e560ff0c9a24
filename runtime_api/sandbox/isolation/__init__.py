"""How the processes of a sandbox are kept apart from everything else: what starts them, where they live, what limits them."""
