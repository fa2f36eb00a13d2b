"""Evidence: from a case to a package that a recipient can verify and run again without us.

`recipients` says what each authority needs, `material` gathers and masks it, `report`, `network`
and `rerun` make documents of it, `package` says where each lies in the bag, `export` makes the
bag, and `verification` checks one that somebody sent. docs/evidence.md tells the whole.
"""
