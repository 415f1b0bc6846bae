"""How fast the engine is, against plain Mesa and against the floor: see README.md here."""
