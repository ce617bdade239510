"""Tests of the visit."""
