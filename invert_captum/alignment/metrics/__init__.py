"""How far two maps agree: in the order of their positions, and in their highest positions."""
