"""Reading a program in torch: seeded experiments, and the slopes of what they measured."""
