"""Rating and reviewing picks, and who may read which opinion when."""
