"""Tests of booking and queueing."""
