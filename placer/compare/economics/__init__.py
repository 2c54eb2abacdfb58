"""What a layout costs, and what a whole training run on it takes."""
