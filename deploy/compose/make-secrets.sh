#!/bin/sh
# Makes the files in `secrets/` that aren't there yet: sudo ./make-secrets.sh
# Compose keeps the owner and the mode of a file, so each belongs to the user who reads it.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets

service=10001   # the user of the service's image
postgres=999    # the user of PostgreSQL's image
grafana=472     # the user of Grafana's image

hex() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# Writes standard input to the file $1 for the user $2, unless there is such a file.
keep() {
    if [ ! -e "$1" ]; then
        cat > "$1"
        chown "$2" "$1"
        chmod 400 "$1"
        echo "made secrets/$1"
    fi
}

hex | keep owner-password $postgres
hex | keep service-password $postgres
hex | keep grafana-password $grafana
printf 'postgresql://vetassist:%s@postgres/vetassist' "$(cat owner-password)" |
    keep owner-url $service
printf 'postgresql://vetassist_service:%s@postgres/vetassist' "$(cat service-password)" |
    keep service-url $service
hex | keep VETASSIST_JWT_SECRET $service
hex | keep VETASSIST_AUDIT_KEY $service
printf 'k1:%s' "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')" |
    keep VETASSIST_TOKEN_KEYS $service

if [ ! -s VETASSIST_VA_CLIENT_SECRET ]; then
    printf 'The client secret that VA gave you: ' >&2
    read -r secret
    printf '%s' "$secret" | keep VETASSIST_VA_CLIENT_SECRET $service
fi
