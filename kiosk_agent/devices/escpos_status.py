"""Bits of ESC/POS status bytes (ESC/POS 状态字).

Source: Epson ESC/POS command reference, DLE EOT n and GS r n.
"""

from kiosk_agent.devices.base import DeviceState, DeviceStatus

DLE_EOT = b"\x10\x04"
ASK_PRINTER, ASK_OFFLINE_CAUSE, ASK_ERROR_CAUSE, ASK_PAPER = 1, 2, 3, 4
# Unlike DLE EOT, GS r is answered in its turn: the answer proves that everything before it was processed.
GS_R_PAPER = b"\x1dr\x01"

FIXED = 0b0001_0010  # set in every DLE EOT answer
OFFLINE = 0b0000_1000
COVER_OPEN = 0b0000_0100
PAPER_END_STOP = 0b0010_0000
ERROR_OCCURRED = 0b0100_0000
CUTTER_ERROR = 0b0000_1000
PAPER_NEAR_END = 0b0000_1100
PAPER_OUT = 0b0110_0000


def is_status_byte(value: int) -> bool:
    """Whether a byte can be an answer to DLE EOT."""
    return value & 0b1001_0011 == FIXED


def status_of(printer: int, offline_cause: int, error_cause: int, paper: int) -> DeviceStatus:
    """The four DLE EOT answers as one status, gravest first."""
    if offline_cause & COVER_OPEN:
        return DeviceStatus(DeviceState.COVER_OPEN, "cover open")
    if paper & PAPER_OUT or offline_cause & PAPER_END_STOP:
        return DeviceStatus(DeviceState.NO_MEDIA, "paper out")
    if error_cause & CUTTER_ERROR or offline_cause & ERROR_OCCURRED:
        return DeviceStatus(DeviceState.JAM, "paper jam or cutter error")
    if printer & OFFLINE:
        return DeviceStatus(DeviceState.OFFLINE, "printer switched offline")
    if paper & PAPER_NEAR_END:
        return DeviceStatus(DeviceState.WARNING, "paper low")
    return DeviceStatus(DeviceState.READY)
