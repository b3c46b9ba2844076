"""Claims of the paper, the evidence for and against them, and the words that follow from it."""
