"""Antiphon answers each unwanted mailing once, through the channel its originator published."""

__version__ = "0.1.0"
