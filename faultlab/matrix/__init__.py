"""The matrix: real clients × scenarios × seeds, each cell with evidence that anyone can replay."""

from faultlab.matrix.cells import Cell, Client, MatrixError, cells, clients
from faultlab.matrix.table import Entry, Table, changes, summary

__all__ = ["Cell", "Client", "Entry", "MatrixError", "Table", "cells", "changes", "clients", "summary"]
