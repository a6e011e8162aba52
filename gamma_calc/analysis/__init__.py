"""What follows from the exponents: conditions, their exact regions, and the largest stable learning rates."""
