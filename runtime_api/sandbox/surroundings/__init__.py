"""What a sandbox's programs find around them: variables, folders, layers, an interpreter."""
