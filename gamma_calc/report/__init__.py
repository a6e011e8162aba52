"""Showing what was predicted and what was measured: figures and pages, made from plain data."""
