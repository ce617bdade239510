"""The day in figures (运营分析): reads what other rooms wrote, and writes nothing."""
