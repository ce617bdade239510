"""Catalogue (目录): code systems, price items, later drugs."""
