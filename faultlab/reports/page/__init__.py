"""What the HTML report is made of: what of a history goes on the page, and the template, style and scripts of it.

Importing registers nothing and needs the standard library alone.
"""
