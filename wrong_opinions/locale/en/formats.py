"""Formats of dates in the admin."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i"
FIRST_DAY_OF_WEEK = 1
