"""Human maps beside model maps, and accuracy against alignment."""
