#!/bin/sh
# Runs once, when the cluster is made (docker-entrypoint-initdb.d). The same roles as backend/embedded/roles.py:
# hospital_owner owns and migrates, hospital_app serves, hospital_sealer chains the audit trail.
# psql reads the passwords from the secret files by itself: no command line and no environment holds them.
set -eu

psql --no-psqlrc --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
\set owner_password `cat /run/secrets/owner_password`
\set app_password `cat /run/secrets/app_password`
\set sealer_password `cat /run/secrets/sealer_password`
CREATE ROLE hospital_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE hospital_app LOGIN PASSWORD :'app_password';
CREATE ROLE hospital_sealer LOGIN PASSWORD :'sealer_password';
CREATE DATABASE hospital OWNER hospital_owner TEMPLATE template0 ENCODING 'UTF8'
    LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C';
REVOKE ALL ON DATABASE hospital FROM PUBLIC;
GRANT CONNECT ON DATABASE hospital TO hospital_app, hospital_sealer;
\connect hospital
SET ROLE hospital_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO hospital_app, hospital_sealer;
SQL
