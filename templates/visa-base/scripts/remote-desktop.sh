#!/bin/bash
# xrdp with a key of its own for each instance; it starts once the owner exists (visa-ready.target), never before.
# Runs in the guest, after packages.sh; safe to run twice.
set -euo pipefail

build=/var/tmp/visa-build

systemctl --quiet disable xrdp.service xrdp-sesman.service

# set FILE KEY VALUE: in an ini file that has the key already.
set_value() {
  grep -q "^$2=" "$1" || { echo "remote-desktop: $1 has no $2" >&2; exit 1; }
  sed -i "s|^$2=.*|$2=$3|" "$1"
}
set_value /etc/xrdp/sesman.ini AllowRootLogin false
set_value /etc/xrdp/xrdp.ini certificate /etc/xrdp/visa-cert.pem
# VISA's API server connects and leaves again each minute, and xrdp says seven errors each time: they stay in its own file
# (/var/log/xrdp.log). What ends xrdp is in the journal, as is all that sesman says of logins.
sed -i '/^\[Logging\]/,/^\[/ s/^#\{0,1\}SyslogLevel=.*/SyslogLevel=CORE/' /etc/xrdp/xrdp.ini
set_value /etc/xrdp/xrdp.ini SyslogLevel CORE
set_value /etc/xrdp/xrdp.ini key_file /etc/xrdp/visa-key.pem

# The package made keys for the image, which would be everyone's.
rm -f /etc/xrdp/{rsakeys.ini,cert.pem,key.pem} /etc/ssl/certs/ssl-cert-snakeoil.pem /etc/ssl/private/ssl-cert-snakeoil.key
find /etc/ssl/certs -xtype l -delete

install -m 0755 "$build/files/visa-xrdp-keys" /usr/local/sbin/visa-xrdp-keys
install -D -m 0644 "$build/files/xrdp.service.conf" /etc/systemd/system/xrdp.service.d/visa.conf
install -D -m 0644 "$build/files/xrdp-sesman.service.conf" /etc/systemd/system/xrdp-sesman.service.d/visa.conf
install -m 0644 "$build/files/visa-ready.target" "$build/files/visa-ready.path" "$build/files/visa-xrdp-keys.service" \
  /etc/systemd/system/
systemctl --quiet enable visa-xrdp-keys.service
# Nothing but visa-ready.target starts xrdp: whatever else wanted it would open its port before the owner exists.
systemctl --quiet enable visa-ready.path

bash "$build/login/install.sh"
