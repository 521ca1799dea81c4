#!/bin/bash
# The owner of an instance, and the key that verifies VISA's tokens.
#
#   VISA_PAM_PUBLIC_KEY_BASE64  a public key in PEM to bake into the image, in base64; empty: none
set -euo pipefail

files=/var/tmp/visa-build/files

install -m 0755 "$files/visa-owner" /usr/local/sbin/visa-owner
install -m 0644 -t /etc/systemd/system "$files/visa-owner-early.service" "$files/visa-owner.service"
systemctl --quiet enable visa-owner-early.service visa-owner.service

install -d -m 0755 /etc/visa
if [[ ${VISA_PAM_PUBLIC_KEY_BASE64:-} ]]; then
  base64 --decode <<<"$VISA_PAM_PUBLIC_KEY_BASE64" >/etc/visa/public.pem
  chmod 0644 /etc/visa/public.pem
  openssl rsa -pubin -noout -in /etc/visa/public.pem ||
    { echo "pam_public_key is not an RSA public key in PEM" >&2; exit 1; }
else
  rm -f /etc/visa/public.pem
fi
