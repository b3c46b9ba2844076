"""From notebooks to a book: papermill executes, Snakemake decides what must run, Sphinx draws the pages."""
