"""How moments and dates are written on the staff pages: short, of one width, 24 hours."""
