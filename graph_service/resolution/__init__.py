"""The same person or firm under two numbers or spellings: links between kept originals.

`resolve` makes the links of a run; `undone` remembers which ones people have taken back. What is
compared of persons and of organisations, and how both are reached, stands in a module and an SQL
file each; `model` has the parts and the limits, `weigh` puts them to splink. Records are never
merged: a link is a relationship, and whoever reads it decides what follows from it.
"""
