"""Patients in WeChat (微信患者端): the API of the mini program and ``/phone``, and what talks to WeChat."""
