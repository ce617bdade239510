#!/bin/sh
# Make what docker-compose.yml reads as secrets, once: deploy/make-secrets.sh
# Existing files are kept: a key that is exchanged closes every sealed field. Back the folder up, apart from the data.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
# Containers read the files under their own users, so the files are open and the folder is not.
chmod 700 secrets
cd secrets

random() { openssl rand -hex 32; }
keep() { # name, content on stdin
    if [ -e "$1" ]; then cat > /dev/null; else cat > "$1.new" && chmod 444 "$1.new" && mv "$1.new" "$1"; fi
}

for name in postgres_password owner_password app_password sealer_password redis_password \
    index_key audit_key qr_key; do
    random | keep "$name"
done
printf '{"1": "%s"}\n' "$(random)" | keep field_keys
printf '{"k1": "%s"}\n' "$(random)" | keep token_keys
for role in owner app sealer; do
    printf 'postgres://hospital_%s:%s@postgres:5432/hospital\n' "$role" "$(cat "${role}_password")" | keep "database_${role}_url"
done
printf 'redis://:%s@redis:6379/0\n' "$(cat redis_password)" | keep redis_url

for name in tls_certificate tls_key wechat_secret wechat_merchant_key wechat_apiv3_key wechat_platform_public_key; do
    [ -e "$name" ] || echo "still missing, put it there yourself: deploy/secrets/$name"
done
