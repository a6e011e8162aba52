"""Documents: what derivations and reports are made of, as HTML, Markdown and LaTeX."""
