"""The HTML file around a page: no script, nothing loaded from elsewhere, light or dark as the reader's system is."""

from __future__ import annotations

from html import escape

GLOSSARY = "Other words are defined in docs/glossary.md of gamma_calc's repository."
PHONE = "(max-width: 700px)"


def html_page(title: str, body: str, *, style: str = "", policy: str = "") -> str:
    """An HTML file in the style of all pages.

    Args:
        body: HTML.
        style: what the page has beside the common stylesheet.
        policy: its content security policy, if it has one.
    """
    guard = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n' if policy else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n{guard}'
        f"<title>{escape(title)}</title>\n<style>\n{STYLESHEET}{style}</style>\n</head>\n<body>\n<main>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )


STYLESHEET = """\
:root {
  --paper: #ffffff; --ink: #1b1b1b; --quiet: #5a5a5a; --rule: #dddddd; --link: #00568a;
  --pass: #1f5f4a; --fail: #a3152b; --fail-paper: #fdecee; --open: #6b4e00; --open-paper: #fff6de;
  /* a shadow at either side on which there is more of a table, covered by paper where there is not */
  --edges: linear-gradient(90deg, var(--paper) 40%, transparent) left / 3rem 100% no-repeat local,
    linear-gradient(270deg, var(--paper) 40%, transparent) right / 3rem 100% no-repeat local,
    linear-gradient(90deg, #8886, transparent) left / 1rem 100% no-repeat scroll,
    linear-gradient(270deg, #8886, transparent) right / 1rem 100% no-repeat scroll;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181b; --ink: #e8e8e8; --quiet: #a8a8a8; --rule: #3a3d42; --link: #7cc0ee;
    --pass: #7fd1b0; --fail: #ff96a3; --fail-paper: #3a1b20; --open: #f0c869; --open-paper: #342b14;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.5rem; }
p { margin: 0.5rem 0; max-width: 75ch; }
a { color: var(--link); }
.answer { max-width: none; padding: 0.75rem 1rem; border-left: 5px solid currentColor; font-size: 1.1rem; }
.answer.pass { border-color: var(--pass); }
.answer.fail { border-color: var(--fail); background: var(--fail-paper); }
.answer.open { border-color: var(--open); background: var(--open-paper); }
.badge { white-space: nowrap; }
.badge.pass { color: var(--pass); }
.badge.fail { color: var(--fail); }
.badge.open { color: var(--open); }
td .badge.pass { font-weight: normal; }
figure { margin: 1rem 0; }
img { display: block; width: 100%; height: auto; background: #ffffff; border-radius: 6px; }
figcaption { color: var(--quiet); font-size: 0.875rem; margin-top: 0.25rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 0 1.5rem; }
.wide { overflow-x: auto; margin: 0.75rem 0; background: var(--edges); }
table { border-collapse: collapse; font-size: 0.875rem; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0.3rem; border-bottom: 1px solid var(--rule); }
th, td { text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.name { white-space: nowrap; }
td.name { font-family: ui-monospace, monospace; }
td.remark { color: var(--quiet); }
td.remark:last-child { min-width: 16rem; }
tr.fail td { background: var(--fail-paper); }
tr.open td { background: var(--open-paper); }
dd { margin-left: 1rem; overflow-x: auto; }
summary { cursor: pointer; margin: 0.5rem 0; }
@media print { body { font-size: 11px; } .wide { overflow: visible; } }
"""
