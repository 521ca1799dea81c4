#!/bin/bash
# More sources of packages.
#
#   VISA_APT_SOURCES_BASE64      their text in apt's deb822 format (sources.list(5)), in base64
#   VISA_APT_SOURCES_KEY_BASE64  the armoured PGP key of those without a Signed-By of their own, in base64; may be empty
set -euo pipefail

fail() {
  echo "apt-sources: $*" >&2
  exit 1
}

key_file=/etc/apt/keyrings/visa-facility.asc
source_file=/etc/apt/sources.list.d/visa-facility.sources
text=$(base64 --decode <<<"$VISA_APT_SOURCES_BASE64" | tr -d '\r')
key=$(base64 --decode <<<"${VISA_APT_SOURCES_KEY_BASE64:-}" | tr -d '\r')

if grep -qiE '^(Trusted|Allow-Insecure|Allow-Weak|Allow-Downgrade-To-Insecure):' <<<"$text"; then
  fail "packages without a signature are not installed: remove Trusted and Allow-… from apt_sources"
fi
if grep -qE '://[^/ ]*@' <<<"$text"; then
  fail "there are credentials in apt_sources, which would be in the image, for everyone to read: leave them out"
fi
rm -f "$key_file" "$source_file"
install -d -m 0755 "${key_file%/*}" "${source_file%/*}"
if [[ $key ]]; then
  [[ $key == *"-----BEGIN PGP PUBLIC KEY BLOCK-----"* ]] ||
    fail "apt_sources_key is not a public PGP key in armour: export it by gpg --armor --export"
  printf '%s\n' "$key" >"$key_file"
  chmod 0644 "$key_file"
fi

# One paragraph each, those of comments alone apart.
awk -v key="${key:+$key_file}" '
  BEGIN { RS = ""; ORS = "\n\n" }
  !/(^|\n)[^#]/ { next }
  !/(^|\n)URIs:/ { print "a paragraph of apt_sources has no URIs" > "/dev/stderr"; exit 1 }
  /(^|\n)Signed-By:/ { print; next }
  !key { print "a source has no Signed-By, and apt_sources_key is empty" > "/dev/stderr"; exit 1 }
  { print $0 "\nSigned-By: " key }
' <<<"$text" >"$source_file" || fail "correct apt_sources"
chmod 0644 "$source_file"
[[ -s $source_file ]] || fail "apt_sources is not in the deb822 format: begin with a line such as Types: deb"

apt-get update -qq -o APT::Update::Error-Mode=any -o "Dir::Etc::SourceList=$source_file" -o Dir::Etc::SourceParts=- \
  -o APT::Get::List-Cleanup=false || fail "apt does not take these sources"
