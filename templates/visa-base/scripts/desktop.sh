#!/bin/bash
# XFCE for remote use: no compositor, no locker, one panel, and no way to switch the machine off from it.
# Runs in the guest; safe to run twice.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

files=/var/tmp/visa-build/files
defaults=/etc/xdg/xfce4/xfconf/xfce-perchannel-xml

apt-get install -y --no-install-recommends \
  xfce4-session xfce4-settings xfce4-panel xfwm4 xfdesktop4 xfce4-terminal thunar mousepad \
  dbus-user-session dbus-x11 xauth x11-xserver-utils x11-utils xdg-utils fonts-dejavu-core

# What everyone starts with, and may change.
install -d -m 0755 "$defaults" /etc/xdg/xfce4/kiosk
install -m 0644 -t "$defaults" "$files"/xfconf/*.xml
install -m 0644 "$files/kioskrc" /etc/xdg/xfce4/kiosk/kioskrc
