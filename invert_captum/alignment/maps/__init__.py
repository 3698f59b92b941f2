"""Maps of importance: blurred, reduced to a pyramid, standardised."""
