"""One module and one data file a family of papers: the module has the schemes, the data what the papers print.

A new family is two files here: NAME.py with a mapping SUBJECTS of schemes by name, and NAME.toml with the claims.
"""
