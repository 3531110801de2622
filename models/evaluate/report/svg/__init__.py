"""Charts drawn by hand as SVG inside the page: they take the page's colours, light or dark, and need nothing else."""
