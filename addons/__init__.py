"""Scripts for ``mitmdump -s``: one a fault, and one for a whole scenario.

``faultlab addon NAME`` prints where a script lies.
"""
