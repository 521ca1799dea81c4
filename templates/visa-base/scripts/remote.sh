#!/bin/bash
# xrdp: RDP over TLS, no session for root, started when the owner and the key exist.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
files=/var/tmp/visa-build/files

# Sets a key of an INI file in one section, and fails where it is not there: set_key FILE SECTION KEY VALUE
set_key() {
    grep -q "^#\?$3=" "$1" || { echo "\"$3\" is not in $1" >&2; exit 1; }
    sed -i "/^\[$2\]/,/^\[/{s|^#\?$3=.*|$3=$4|}" "$1"
}

# The units of the packages must not start before an instance has its owner, and not in the build either.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
trap 'rm -f /usr/sbin/policy-rc.d' EXIT
apt-get install -qq --yes --no-install-recommends xrdp xorgxrdp openssl >/dev/null
systemctl --quiet disable xrdp.service xrdp-sesman.service

set_key /etc/xrdp/xrdp.ini Globals certificate /etc/xrdp/visa-cert.pem
set_key /etc/xrdp/xrdp.ini Globals key_file /etc/xrdp/visa-key.pem
set_key /etc/xrdp/xrdp.ini Globals security_layer tls
set_key /etc/xrdp/xrdp.ini Globals autorun Xorg
# Xorg alone: the others are not installed, and one of them connects to any machine.
sed -i '/^\[\(Xvnc\|vnc-any\|neutrinordp-any\)\]/,/^$/d' /etc/xrdp/xrdp.ini
set_key /etc/xrdp/sesman.ini Security AllowRootLogin false

# Keys belong to an instance, not to an image that everyone has.
rm -f /etc/xrdp/rsakeys.ini /etc/xrdp/cert.pem /etc/xrdp/key.pem \
    /etc/ssl/certs/ssl-cert-snakeoil.pem /etc/ssl/private/ssl-cert-snakeoil.key
find /etc/ssl/certs -xtype l -delete

install -m 0644 -t /etc/systemd/system "$files/visa-ready.target" "$files/visa-xrdp-key.service"
wants=/etc/systemd/system/visa-ready.target.wants
mkdir -p "$wants"
ln -sfn ../visa-xrdp-key.service "$wants/visa-xrdp-key.service"
for unit in xrdp xrdp-sesman; do
    install -D -m 0644 "$files/xrdp.conf" "/etc/systemd/system/$unit.service.d/visa.conf"
done
ln -sfn /lib/systemd/system/xrdp.service "$wants/xrdp.service"
systemctl daemon-reload
