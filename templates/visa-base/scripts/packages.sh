#!/bin/bash
# Debian's packages of a remote desktop, in one go: each transaction of apt takes half a minute without KVM. Runs in the
# guest; safe to run twice.
#
#   VISA_BROWSER  Debian's package of the browser; empty: none
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

browser=${VISA_BROWSER:-}
[[ $browser =~ ^([a-z0-9][a-z0-9+.-]+)?$ ]] ||
  { echo "packages: browser is \"$browser\", expected a package of Debian, such as firefox-esr" >&2; exit 1; }

desktop=(
  xfce4-session xfce4-settings xfce4-panel xfwm4 xfdesktop4 xfce4-terminal thunar mousepad
  ristretto xpdf librsvg2-common xfce4-notifyd libnotify-bin
  dbus-user-session dbus-x11 xauth x11-xserver-utils x11-utils xdg-utils fonts-dejavu-core
  ${browser:+"$browser"}
)
remote_desktop=(xrdp xorgxrdp libpam-modules python3-minimal openssl)
power=(polkitd)

apt-get install -y --no-install-recommends "${desktop[@]}" "${remote_desktop[@]}" "${power[@]}"
