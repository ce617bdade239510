"""Waiting-room screens (候诊屏): pairing, the board, its live feed, and the page itself under ``web``."""
