"""One module a chapter: from the tables of a data set to tidy results, figures and evidence."""
