"""What picks and opinions add up to: statistics, comparison, recommendations, and the figures of the admin."""
