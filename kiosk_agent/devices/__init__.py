"""Devices of a kiosk (外设): printers, card readers, scanners, each behind one small driver."""
