#!/bin/bash
# CA certificates that the image trusts, beside Debian's.
#
#   VISA_CA_CERTIFICATES_BASE64  PEM text, in base64
set -euo pipefail

fail() {
  echo "ca-certificates: $*" >&2
  exit 1
}

folder=/usr/local/share/ca-certificates
pem=$(base64 --decode <<<"$VISA_CA_CERTIFICATES_BASE64" | tr -d '\r')

[[ $pem != *"PRIVATE KEY"* ]] || fail "there is a private key in ca_certificates, which must never be in an image"
mkdir -p "$folder"
rm -f "$folder"/visa-facility-*.crt
awk -v folder="$folder" '
  /^-----BEGIN CERTIFICATE-----$/ { n++; inside = 1 }
  inside { print > sprintf("%s/visa-facility-%02d.crt", folder, n) }
  /^-----END CERTIFICATE-----$/ { inside = 0 }
' <<<"$pem"

count=0
for file in "$folder"/visa-facility-*.crt; do
  [[ -e $file ]] || fail "ca_certificates is no PEM text: it has no line -----BEGIN CERTIFICATE-----"
  count=$((count + 1))
  text=$(openssl x509 -in "$file" -noout -subject -ext basicConstraints 2>/dev/null) ||
    fail "certificate $count of ca_certificates is garbled: copy it again, with its line breaks"
  [[ $text == *CA:TRUE* ]] || fail "certificate $count of ca_certificates is not that of a CA: ${text%%$'\n'*}"
  openssl x509 -in "$file" -noout -checkend 0 >/dev/null || fail "certificate $count has expired: ${text%%$'\n'*}"
  chmod 0644 "$file"
done

update-ca-certificates
echo "ca-certificates: $count more are trusted"
