"""Staff (职工): people who work here, their accounts, roles and sessions."""
