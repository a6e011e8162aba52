"""What is trained: axes, tensors, equations and update rules, written once; and schemes as data."""
