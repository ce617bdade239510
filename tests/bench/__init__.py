"""Measurements as ratios (性能度量): each figure beside a limit taken in the same run, on the same engines."""
