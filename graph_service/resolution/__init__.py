"""The same person or firm under two numbers or spellings: links between kept originals.

`resolve` compares, `undone` remembers which links people have taken back, `model` says what each
agreement weighs. Records are never merged: a link is a relationship, and whoever reads it decides
what follows from it.
"""
