"""What a sandbox tells of its life, and where that goes."""
