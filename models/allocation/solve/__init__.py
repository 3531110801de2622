"""Solving one program: its matrix, the solvers behind one call, their typed answers, and a worker process."""
