"""Importing files of other trackers, exporting and restoring our own JSON, and the sample data."""
