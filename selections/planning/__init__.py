"""Shortlists, votes and challenges: what members plan to pick, and propose to each other."""
