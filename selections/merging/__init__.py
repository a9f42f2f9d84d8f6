"""Finding movies and albums that are probably the same, and merging them together with their picks."""
