"""Rating and reviewing picks, and the visibility of opinions."""
