"""Large programs of the full form: their relaxation by columns that are priced before they are built, then a search."""
