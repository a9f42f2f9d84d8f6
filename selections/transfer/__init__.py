"""Data in and out: files of other trackers, our own export and its way back, and the sample data."""
