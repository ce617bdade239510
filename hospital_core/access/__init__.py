"""Access (号源与候诊): places, appointments, queues."""
