"""``make soak`` (长跑): what ``make test`` proves in a minute, for as long as one likes. See ``docs/proof.md``."""
