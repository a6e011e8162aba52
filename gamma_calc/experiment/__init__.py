"""Where theory and measurement meet: predictions beside slopes, and what they say of each other."""
