"""What every room of the hospital stands on: ids, money, clock, states, transactions, events, audit, secrecy.

Import the parts by module (``from hospital_core.kernel.run import run``); nothing is re-exported here.
"""
