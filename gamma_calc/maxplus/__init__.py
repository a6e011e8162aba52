"""Maps over maximum and plus: circuits, path families, cycle times, and laws in the number of steps."""
