"""Statistics, comparisons and recommendations from picks and opinions, and the figures of the admin."""
