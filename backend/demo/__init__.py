"""The demo hospital's content (演示医院), made by a seeded generator: see `backend.demo.hospital.make_hospital`."""
