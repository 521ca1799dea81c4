#!/bin/bash
# XFCE for remote use: no compositor, no locker, one panel, and no way to switch the machine off from it.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
files=/var/tmp/visa-build/files

apt-get install -qq --yes --no-install-recommends \
    xfce4-session xfce4-settings xfce4-panel xfwm4 xfdesktop4 xfce4-terminal thunar mousepad \
    dbus-user-session dbus-x11 polkitd xauth x11-xserver-utils x11-utils xdg-utils fonts-dejavu-core >/dev/null

# The system's defaults; each user may change their own.
install -d -m 0755 /etc/xdg/xfce4/xfconf/xfce-perchannel-xml /etc/xdg/xfce4/kiosk
install -m 0644 -t /etc/xdg/xfce4/xfconf/xfce-perchannel-xml "$files"/xfce4/*.xml
printf '[xfce4-session]\nShutdown=NONE\n' >/etc/xdg/xfce4/kiosk/kioskrc
# Offers to save the session at every log-out, and then brings back the windows of last week.
sed -i 's|<property name="SaveOnExit" type="bool" value="true"/>|<property name="SaveOnExit" type="bool" value="false"/>|' \
    /etc/xdg/xfce4/xfconf/xfce-perchannel-xml/xfce4-session.xml

install -m 0644 "$files/visa-power.rules" /etc/polkit-1/rules.d/10-visa-power.rules
systemctl --quiet mask sleep.target suspend.target hibernate.target hybrid-sleep.target \
    suspend-then-hibernate.target ctrl-alt-del.target
