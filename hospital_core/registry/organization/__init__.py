"""Organization (机构): campuses, departments, rooms, windows, wards."""
