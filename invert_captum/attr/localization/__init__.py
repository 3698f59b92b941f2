"""Where a map points: the box around it, and whether its highest point lies on an object."""
