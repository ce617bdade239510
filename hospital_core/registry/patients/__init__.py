"""Patients (患者主索引 EMPI): one person, many documents and numbers; merge by link."""
