"""Migrations: the n-th file leads to schema n."""
