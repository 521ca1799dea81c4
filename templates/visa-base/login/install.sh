#!/bin/bash
# Installs the verifier of VISA's tokens and the PAM stack of xrdp-sesman. Runs as root in the guest, from anywhere, next
# to the files that it installs; safe to run twice.
#
#   VISA_LOGIN_MODULE      visa-token (default): our own verifier. visa-module: VISA's pam_visa.so, which must be there.
#   VISA_TOKEN_USERS_ONLY  true: tokens only for the users in /etc/visa/token-users, one a line, which whoever creates
#                          the owner must write. visa-module always does so. Default: false.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
module=${VISA_LOGIN_MODULE:-visa-token}
users_only=${VISA_TOKEN_USERS_ONLY:-false}
service=/etc/pam.d/xrdp-sesman

fail() {
  echo "login/install.sh: $*" >&2
  exit 1
}

case "$users_only" in
  true | false) ;;
  *) fail "VISA_TOKEN_USERS_ONLY is '$users_only', expected true or false" ;;
esac

install -d -o root -g root -m 0755 /etc/visa /usr/lib/visa

case "$module" in
  visa-token)
    stack=$here/xrdp-sesman.pam
    # What the verifier imports: a missing part would deny every token.
    /usr/bin/python3 -IS -c "import binascii, hashlib, os, pwd, signal, stat, sys, syslog, time" ||
      fail "visa-token needs Debian's package python3"
    ;;
  visa-module)
    stack=$here/xrdp-sesman.visa-module.pam
    found=$(find /lib/*/security /usr/lib/*/security -name pam_visa.so -print -quit 2>/dev/null || true)
    [ -n "$found" ] || fail "pam_visa.so is not in PAM's folder: install VISA's module first, or leave VISA_LOGIN_MODULE unset"
    ;;
  *) fail "VISA_LOGIN_MODULE is '$module', expected visa-token or visa-module" ;;
esac
for needed in pam_exec.so pam_succeed_if.so pam_listfile.so; do
  [ -n "$(find /lib/*/security /usr/lib/*/security -name "$needed" -print -quit 2>/dev/null || true)" ] ||
    fail "$needed is missing: it is in Debian's package libpam-modules"
done

install -o root -g root -m 0755 "$here/visa-token" /usr/lib/visa/visa-token

# xrdp's own file steps aside, now and whenever the package is upgraded.
if [ "$(dpkg-divert --truename "$service")" = "$service" ]; then
  dpkg-divert --quiet --local --rename --divert /etc/visa/xrdp-sesman.pam.distrib --add "$service"
fi

# Written beside and renamed: a login in between finds one file or the other.
if [ "$users_only" = true ]; then
  sed 's|^\(auth .*visa-token\)$|\1 --users /etc/visa/token-users|' "$stack" >"$service.new"
else
  cat "$stack" >"$service.new"
fi
chown root:root "$service.new"
chmod 0644 "$service.new"
mv -f "$service.new" "$service"
