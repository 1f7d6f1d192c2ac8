"""How good what arrives is: measured by source and day, held against what is usual."""
