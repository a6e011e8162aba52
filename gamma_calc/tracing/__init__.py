"""Tracing: any torch module as a problem, from the operations of its forward pass."""
