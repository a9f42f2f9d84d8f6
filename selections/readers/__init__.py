"""Reads the files that people come with: FORMATS are told apart by what is in them, and become the same rows."""
