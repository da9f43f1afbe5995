"""Attacks on our own node, on loopback, each ending in a figure."""
