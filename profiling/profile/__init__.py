"""A profile as a document: points, limits and where they come from; what it says of energy and of clocks."""
