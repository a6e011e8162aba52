"""Derivations to explore: one page whose exponents, conditions and regions follow the free exponents that one moves."""
