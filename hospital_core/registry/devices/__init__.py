"""Devices (设备): kiosks, screens, PDAs; each with its own key and place."""
