"""Care relations (诊疗关系): who may see which patient, and break-glass."""
