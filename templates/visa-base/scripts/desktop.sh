#!/bin/bash
# XFCE for remote use: no compositor, no locker, no blanking, one panel, and no way to switch the machine off from it.
# Runs in the guest, after packages.sh; safe to run twice.
#
#   VISA_BACKGROUND_BASE64, VISA_WELCOME_BASE64  see environment.yml, in base64
#   VISA_BROWSER                                 a package; empty: none
set -euo pipefail

files=/var/tmp/visa-build/files
defaults=/etc/xdg/xfce4/xfconf/xfce-perchannel-xml
share=/usr/local/share/visa

fail() {
  echo "desktop: $*" >&2
  exit 1
}

background=$(base64 --decode <<<"${VISA_BACKGROUND_BASE64:-}")
browser=${VISA_BROWSER:-}

# The layout that system-base wrote is known to X.
check_keyboard() {
  local layout
  layout=$(sed -n 's/^XKBLAYOUT="\([^",]*\).*/\1/p' /etc/default/keyboard)
  [[ -f /usr/share/X11/xkb/symbols/$layout ]] ||
    fail "keyboard is \"$layout\", which is not in /usr/share/X11/xkb/symbols"
}

# The monitors of a backdrop: xorgxrdp's own, and whatever has no name.
write_backdrop() {
  local picture=$1 colour=${2#\#} style=5 red green blue monitor
  if [[ ! $picture ]]; then style=0; fi
  read -r red green blue < <(LC_ALL=C awk -v r=$((16#${colour:0:2})) -v g=$((16#${colour:2:2})) -v b=$((16#${colour:4:2})) \
    'BEGIN { printf "%.4f %.4f %.4f\n", r / 255, g / 255, b / 255 }')
  {
    printf '<?xml version="1.0" encoding="UTF-8"?>\n<channel name="xfce4-desktop" version="1.0">\n'
    printf '  <property name="backdrop" type="empty">\n    <property name="screen0" type="empty">\n'
    for monitor in rdp0 0; do
      sed -e "s|@monitor@|$monitor|; s|@picture@|$picture|; s|@style@|$style|" \
        -e "s|@red@|$red|; s|@green@|$green|; s|@blue@|$blue|" "$files/desktop/monitor.xml"
    done
    printf '    </property>\n  </property>\n</channel>\n'
  } >"$defaults/xfce4-desktop.xml"
}

set_background() {
  local path='^/[A-Za-z0-9._/+@-]+$'
  install -d -m 0755 "$share"
  install -m 0644 "$files/desktop/background.svg" "$share/background"
  if [[ ! $background ]]; then
    write_backdrop "$share/background" "#27455c"
  elif [[ $background =~ ^#[0-9A-Fa-f]{6}$ ]]; then
    write_backdrop "" "$background"
  elif [[ $background =~ $path ]]; then
    # A layer above this one may bring it.
    write_backdrop "$background" "#27455c"
  elif [[ $background == "<"*"<svg"* || $background == "<svg"* ]]; then
    printf '%s\n' "$background" >"$share/background"
    write_backdrop "$share/background" "#27455c"
  else
    fail "background is \"${background:0:40}\", expected the text of an SVG picture, a colour such as #204a6e, or a path"
  fi
}

set_welcome() {
  # For the desktop, for a terminal, and for whoever comes by ssh.
  install -D -m 0755 "$files/visa-release" /usr/local/bin/visa-release
  install -d -m 0755 /etc/update-motd.d
  ln -sf /usr/local/bin/visa-release /etc/update-motd.d/50-visa-release
  install -D -m 0755 "$files/desktop/visa-welcome" /usr/local/bin/visa-welcome
  install -D -m 0644 "$files/desktop/visa-welcome.desktop" /etc/xdg/autostart/visa-welcome.desktop
  install -d -m 0755 "$share"
  base64 --decode <<<"${VISA_WELCOME_BASE64:-}" | tr -d '\r' >"$share/welcome"
  chmod 0644 "$share/welcome"
}

# No pages of its maker's at the first start, and the facility's CAs, which it does not take from the system.
set_browser() {
  local certificates=()
  rm -f /etc/firefox/policies/policies.json
  if [[ $browser != firefox-esr ]]; then return; fi
  shopt -s nullglob
  certificates=(/usr/local/share/ca-certificates/visa-facility-*.crt)
  install -d -m 0755 /etc/firefox/policies
  python3 -c 'import json, sys
print(json.dumps({"policies": {
    "DisableTelemetry": True,
    "DisableFirefoxStudies": True,
    "DontCheckDefaultBrowser": True,
    "OverrideFirstRunPage": "",
    "OverridePostUpdatePage": "",
    "Certificates": {"Install": sys.argv[1:]},
}}, indent=2))' "${certificates[@]}" >/etc/firefox/policies/policies.json
}

# set_aside FILE: takes a package's configuration out of the way for good, to /etc/visa, so that an upgrade asks nothing.
set_aside() {
  if [[ $(dpkg-divert --truename "$1") != "$1" ]]; then return; fi
  install -d -m 0755 /etc/visa
  dpkg-divert --quiet --local --rename --divert "/etc/visa/${1##*/}.distrib" --add "$1"
}

# Xfce copies each of its shortcuts into each new home, where that has none of its own. These it takes for such.
set_shortcuts() {
  local file=xfce4-keyboard-shortcuts.xml
  set_aside "$defaults/$file"
  python3 -c 'import copy, sys, xml.etree.ElementTree as tree
document = tree.parse(sys.argv[1])
for provider in document.getroot():
    custom = copy.deepcopy(provider.find("property[@name=\"default\"]"))
    custom.set("name", "custom")
    tree.SubElement(custom, "property", name="override", type="bool", value="true")
    provider.append(custom)
document.write(sys.argv[2], encoding="UTF-8", xml_declaration=True)' "/etc/visa/$file.distrib" "$defaults/$file"
  chmod 0644 "$defaults/$file"
}

# What everyone starts with, and may change.
set_defaults() {
  install -d -m 0755 "$defaults" /etc/xdg/xfce4/kiosk /etc/X11/Xsession.d
  set_aside "$defaults/xfce4-session.xml"
  install -m 0644 -t "$defaults" "$files"/xfconf/*.xml
  set_shortcuts
  # The session starts it: a second one would load all of GTK to see that.
  set_aside /etc/xdg/autostart/xfsettingsd.desktop
  install -m 0644 "$files/kioskrc" /etc/xdg/xfce4/kiosk/kioskrc
  install -m 0644 "$files/desktop/mimeapps.list" /etc/xdg/mimeapps.list
  install -m 0644 "$files/desktop/61visa-no-blanking" /etc/X11/Xsession.d/61visa-no-blanking
}

# What is known of the fonts. A bootstrapped base has it of none, and the first program of each new home would look at all.
read_fonts() {
  fc-cache --system-only --force
}

check_keyboard
set_defaults
set_background
set_welcome
set_browser
read_fonts
