"""The function's own zip: its folder, and its dependencies as the place it will run in needs them."""
