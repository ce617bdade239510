"""The hospital information system (HIS) core. Knows no web framework, no WeChat, no device."""
