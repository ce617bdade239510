"""Master data (主数据): what exists and who is who."""
