"""Doors for mail."""
