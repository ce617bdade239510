"""What people at workstations, in wards and kiosks ask of the hospital: one package of routes for each."""
