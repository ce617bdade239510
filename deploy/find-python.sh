#!/bin/sh
# Print a Python that can run the hospital, or say in one sentence what to install.
# Version shims may exist that only print an error: every candidate is run.
for candidate in python3.12 python3.11 python3 python3.13 python3.14 python; do
    "$candidate" - <<'CHECK' 2>/dev/null || continue
import shutil
import sys
import ensurepip, venv  # noqa: E401, F401  (Debian splits them off)
fine = sys.version_info >= (3, 11) and (sys.version_info < (3, 13) or shutil.which("redis-server"))
sys.exit(0 if fine else 1)
CHECK
    "$candidate" -c 'import sys; print(sys.executable)'
    exit 0
done
echo "Please install Python 3.11 or 3.12 with venv (package python3-venv), or redis-server for a newer Python." >&2
exit 1
