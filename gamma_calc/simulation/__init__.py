"""Reading a program in torch: seeded experiments, fast kernels, and the slopes of what they measured."""
