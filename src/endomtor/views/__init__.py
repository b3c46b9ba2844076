"""The ledger as a reader sees it: words, boxes, tables of evidence, headings, what has changed."""
