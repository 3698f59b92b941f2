"""Training a network to look where people look: one step, the loop, its checkpoints and log."""
